"""Float .tflite files, by way of ONNX's words."""
