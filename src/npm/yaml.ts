/**
 * What is used of `yaml`.
 * @module
 */
export {
  type Alias,
  Composer,
  type CST,
  Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type Pair,
  parseAllDocuments,
  parseDocument,
  Parser,
  type Scalar,
  stringify,
  visit,
  type YAMLError,
  YAMLMap,
  type YAMLSeq,
} from "npm:yaml@2.9.1";
