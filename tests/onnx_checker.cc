/*
 * onnx_checker FILE...: each file by ONNX's own checker and strict shape
 * inference (Debian's libonnx), for tests/cli/export/checker.sh.  Built only
 * where libonnx-dev is installed; "skip: ..." where it is older than opset 17.
 */
#include <cstdio>
#include <exception>
#include <fstream>

#include <onnx/checker.h>
#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

static void print_port(const onnx::ValueInfoProto &v)
{
	std::printf(" %s", v.name().c_str());
	for (const auto &d : v.type().tensor_type().shape().dim())
		if (d.has_dim_param())
			std::printf(" %s", d.dim_param().c_str());
		else
			std::printf(" %lld", (long long)d.dim_value());
}

static void check(const char *path)
{
	std::ifstream in(path, std::ios::binary);
	onnx::ModelProto model;

	if (!model.ParseFromIstream(&in))
		throw std::runtime_error("cannot be parsed");
	onnx::checker::check_model(std::string(path));
	onnx::shape_inference::InferShapes(
		model, onnx::OpSchemaRegistry::Instance(),
		onnx::ShapeInferenceOptions(true, 1, true));
	std::printf("ok");
	for (const auto &v : model.graph().output())
		print_port(v);
	std::printf("\n");
}

int main(int argc, char **argv)
{
	const auto &known = onnx::OpSchemaRegistry::DomainToVersionRange::
		Instance().Map();
	int bad = 0;

	if (known.at("").second < 17) {
		std::printf("skip: libonnx knows opset %d at most\n",
			    known.at("").second);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		try {
			check(argv[i]);
		} catch (const std::exception &e) {
			std::printf("%s: %s\n", argv[i], e.what());
			bad = 1;
		}
	return bad;
}
