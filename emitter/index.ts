export { defaultSocketPath } from './default-socket.ts';
export { Emitter, type EmitterNotice, type EmitterOptions } from './emitter.ts';
export type { OpenReport, OutcomeReport } from './open-report.ts';
export {
  jsonText,
  type Acknowledgement,
  type ActionReport,
  type EmitterIdentity,
  type JsonText,
} from './report.ts';
export { CodedError, type ErrorCode } from '../shared/errors.ts';
