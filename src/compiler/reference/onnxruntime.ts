/** The one door to onnxruntime: it opens with telemetry switched off. */
import './telemetry-off.ts';

export { InferenceSession, Tensor } from 'onnxruntime-node';
