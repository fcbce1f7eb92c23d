// status.mjs - how things end: the names of nacre_status (nacre/model.h) and the
// words for values that were not expected.

/** The names of nacre_status, by number. */
const statusNames = [
  'OK',
  'E_ARG',
  'E_INDEX',
  'E_SHAPE',
  'E_DTYPE',
  'E_NOMEM',
  'E_IO',
  'E_FORMAT',
  'E_ABI',
  'E_ARITH',
  'E_LIMIT',
  'E_DEVICE',
];
const statusTexts = {
  E_ARG: 'wrong argument',
  E_INDEX: 'index out of range',
  E_SHAPE: 'wrong shape',
  E_DTYPE: 'wrong element type',
  E_NOMEM: 'out of memory',
  E_IO: 'input/output error',
  E_FORMAT: 'malformed file',
  E_ABI: 'wrong ABI version',
  E_ARITH: 'arithmetic error',
  E_LIMIT: 'limit exceeded',
  E_DEVICE: 'device failure',
};

export class NacreError extends Error {
  constructor(status, message, options) {
    super(message, options);
    this.name = 'NacreError';
    this.status = status;
  }
}

export const fail = (status, message, cause) => {
  throw new NacreError(status, message, cause === undefined ? undefined : { cause });
};

/** Ends a run whose kernels left a status that is not 0. */
export function failRun(code) {
  const status = statusNames[code] ?? 'E_FORMAT';
  fail(status, statusTexts[status] ?? `unknown status ${code}`);
}

export function show(value) {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value !== 'object')
    return typeof value === 'string' ? quote(value) : String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}

export function quote(text) {
  const clean = JSON.stringify(text.length > 60 ? text.slice(0, 60) + '...' : text);
  return `'${clean.slice(1, -1).replaceAll('\\"', '"')}'`;
}
