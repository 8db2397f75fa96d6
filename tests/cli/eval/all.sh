# One object with all figures; samples without labels have no classification.
mmtool align pairs --label-from folder "$FIX/coloured" -o coloured.mmt
mmtool eval all -m "$FIX/model" coloured.mmt
mmtool eval all -m "$FIX/model" --json coloured.mmt | tr -d ' 0-9.-'
mmtool eval all -m "$FIX/model" --json "$FIX/data.mmt" |
	tr ',' '\n' | grep class
