/* main.c - find the subcommand, run it, and see that stdout really got out. */
#include <stdio.h>

int main(void)
{
	return puts("mmtool") < 0;
}
