/** The one door to the protobuf schema (package onnx-proto, ONNX 1.10; newer fields are skipped by the decoder). */
import protobuf from 'onnx-proto';
import type { onnx } from 'onnx-proto';

export const { ModelProto, TensorProto } = protobuf.onnx;
export type IModelProto = onnx.IModelProto;
export type IGraphProto = onnx.IGraphProto;
export type INodeProto = onnx.INodeProto;
export type IAttributeProto = onnx.IAttributeProto;
export type ITensorProto = onnx.ITensorProto;
export type IValueInfoProto = onnx.IValueInfoProto;

/** 64-bit integers arrive as numbers or as Long objects, whose type the schema's declarations do not carry. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'object' || value === null || !('toNumber' in value)) return 0;
  return (value as { toNumber(): number }).toNumber();
}

/** TensorProto.DataType. */
export const ElementType = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  BFLOAT16: 16,
} as const;

/** TensorProto.DataLocation. */
export const EXTERNAL_LOCATION = 1;

/** AttributeProto.AttributeType. */
export const AttributeType = {
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
} as const;
