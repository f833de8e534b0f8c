/**
 * onnxruntime reports its use to its vendor from 1.30 on unless told not to before it is loaded. A tool for private data does
 * not; importing this module first is what tells it.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
