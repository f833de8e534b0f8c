/** What to do about operators that are not supported, where there is more to say than "remove it". */
const SUGGESTIONS: Readonly<Record<string, string>> = {
  InstanceNormalization: 'train with BatchNormalization: its statistics are constants at inference',
  LayerNormalization: 'train with BatchNormalization: its statistics are constants at inference',
  GroupNormalization: 'train with BatchNormalization: its statistics are constants at inference',
  LpNormalization: 'normalise on the client, before encryption or after decryption',
  LRN: 'train with BatchNormalization instead of local response normalisation',
  ReduceMax: 'use GlobalMaxPool or MaxPool, or reduce after decryption',
  ReduceMin: 'reduce after decryption',
  TopK: 'output the scores and choose after decryption',
  NonMaxSuppression: 'output boxes and scores, and select after decryption',
  Round: 'round after decryption',
  If: 'export a model without branches (fix the condition at export)',
  Loop: 'unroll the loop at export',
  Scan: 'unroll the loop at export',
  LSTM: 'recurrent layers are too deep for this scheme; use convolutions over time',
  GRU: 'recurrent layers are too deep for this scheme; use convolutions over time',
  RNN: 'recurrent layers are too deep for this scheme; use convolutions over time',
  QuantizeLinear: 'export the floating-point model: encrypted values are real numbers already',
  DequantizeLinear: 'export the floating-point model: encrypted values are real numbers already',
  QLinearConv: 'export the floating-point model: encrypted values are real numbers already',
  Einsum: 'write it as Transpose, Reshape and MatMul with a constant',
  MaxUnpool: 'use Resize or ConvTranspose',
};

export function suggestionFor(operator: string): string {
  // The name comes from the file: "constructor" must not find what every object inherits.
  const known = Object.hasOwn(SUGGESTIONS, operator) ? SUGGESTIONS[operator] : undefined;
  return known ?? 'replace it by supported operators (see SUPPORTED-OPS.md), or move it out of the model';
}
