import { z } from 'zod';
import { duration, percentBelow100, uniqueList } from './fields.ts';
import { withRule } from './rule.ts';

const HTTP_STATUS = /^[345](xx|[0-9][0-9])$/;

const httpStatus = withRule(z.string().max(3), {
  cel: `self.matches('${HTTP_STATUS.source}')`,
  holds: (text) => HTTP_STATUS.test(text),
  message: 'must be a status such as "429" or a class such as "5xx", from 3xx to 5xx',
});

/** Statuses of gRPC that are no success, by the names that users write. */
export const GRPC_STATUSES = [
  ...(['CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'] as const),
  ...(['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE'] as const),
  ...(['UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'] as const),
] as const;

const grpcStatus = z.enum(GRPC_STATUSES);

const failuresSchema = z
  .strictObject({
    httpStatus: uniqueList(httpStatus, 20)
      .describe('Statuses (`429`) and classes (`5xx`) of HTTP that are failures, in quotes. 1 to 20, none twice.')
      .default(['5xx']),
    grpcStatus: uniqueList(grpcStatus, 16)
      .describe('Statuses of gRPC that are failures, by name. 1 to 16, none twice.')
      .default(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']),
  })
  .describe(
    'Which answers are failures. A request without an answer is always one, unless its client went away. Default: 5xx, and the statuses of gRPC by which a server says that it failed.',
  );

const requestsFields = z.strictObject({
  successRatio: percentBelow100(
    "Share of the new version's requests that must succeed, in percent: more than 1, less than 100, such as 99.9. What a failure is says `failures`.",
  ).exactOptional(),
  failures: failuresSchema.exactOptional(),
  under: duration('1ms', '1h')
    .describe(
      "How fast an answer must be: 1ms to 1h. It must be an edge of the mesh's duration histogram; Istio's are 1, 5, 10, 25, 50, 100, 250, 500ms, 1s, 2500ms, 5s, 10s, 30s, 1m and above.",
    )
    .exactOptional(),
  ratio: percentBelow100(
    "Share of the new version's requests that must be answered within `under`, in percent: more than 1, less than 100, such as 99.9.",
  ).exactOptional(),
});

const eitherWay = withRule(requestsFields, {
  cel: 'has(self.successRatio) != (has(self.under) || has(self.ratio))',
  holds: ({ successRatio, under, ratio }) =>
    (successRatio !== undefined) !== (under !== undefined || ratio !== undefined),
  message:
    'needs either successRatio, or under and ratio: write for example `successRatio: 99.9`, or `under: 500ms` with `ratio: 99`, and the other in an objective of its own',
});

const withUnder = withRule(eitherWay, {
  cel: 'has(self.successRatio) || !has(self.ratio) || has(self.under)',
  holds: ({ successRatio, under, ratio }) => successRatio !== undefined || ratio === undefined || under !== undefined,
  field: 'under',
  message: 'is needed beside ratio: say how fast an answer must be, such as `under: 500ms`',
});

const withRatio = withRule(withUnder, {
  cel: 'has(self.successRatio) || !has(self.under) || has(self.ratio)',
  holds: ({ successRatio, under, ratio }) => successRatio !== undefined || under === undefined || ratio !== undefined,
  field: 'ratio',
  message: 'is needed beside under: say which share of the requests must be that fast, in percent, such as `ratio: 99`',
});

/** `requests` of an objective: what callers' proxies see. */
export const requestsSchema = withRule(withRatio, {
  cel: '!has(self.failures) || has(self.successRatio) || !(has(self.under) || has(self.ratio))',
  holds: ({ failures, successRatio, under, ratio }) =>
    failures === undefined || successRatio !== undefined || (under === undefined && ratio === undefined),
  field: 'failures',
  message: 'is for successRatio only: remove it here and add an objective with successRatio',
}).describe(
  "Judge the requests that callers' proxies sent to the new version: by the share that succeeds (`successRatio`) or by the share that is fast (`under` and `ratio`).",
);
