# -m takes size, values, filter, crop and tokenizer from a model folder
mkdir m && cp "$DATA"/words/* m
cat >m/preprocessor_config.json <<'J'
{"image_processor_type": "CLIPImageProcessor", "size": 20, "crop_size": 16,
 "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
J
mmtool preprocess -m m "$FIX/photos" | mmtool view --rows 1 - | grep 'image  \|ids  \|image\.mean\|image\.std\|preset'
mmtool preprocess -m m --preset openai-clip --max-length 4 "$FIX/photos" | mmtool view --rows 0 - | grep 'image  \|ids  \|preset'
rm m/preprocessor_config.json
echo '{"model_type": "clip", "vision_config": {"image_size": 48}}' >m/config.json
mmtool preprocess -m m "$FIX/photos" | mmtool view --rows 0 - | grep 'image  '
echo '{"image_processor_type": "OtherImageProcessor"}' >m/preprocessor_config.json
mmtool preprocess -m m "$FIX/photos" -o o.mmt
