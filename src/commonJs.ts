/** The function that node makes of a CommonJS file. V8's code cache of one fits only the same text. */
export const wrapped = (source: string): string =>
  `(function (exports, require, module, __filename, __dirname) { ${source}\n})`
