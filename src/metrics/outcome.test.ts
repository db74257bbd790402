import { describe, expect, it } from 'vitest';
import { isTimed, outcomeOf, touchedBy } from './outcome.ts';
import { DEFAULT_FAILURES } from './port.ts';

describe('a request counts as', () => {
  it.each([
    ['ok', { response_code: '200', response_flags: '-' }],
    ['ok', { response_code: '404', response_flags: '-' }],
    ['failure', { response_code: '500', response_flags: '-' }],
    ['failure', { response_code: '503', response_flags: 'UH' }],
    ['failure', { response_code: '503', response_flags: 'URX,UF' }],
    ['failure', { response_code: '504', response_flags: 'UT' }],
    ['failure', { response_code: '0', response_flags: 'UC' }],
    ['excluded', { response_code: '0', response_flags: 'DC' }],
    ['ok', { response_code: '200', response_flags: 'DC' }],
    ['ok', { response_code: '503', response_flags: 'UC,DC' }],
    ['excluded', { response_code: '555', response_flags: 'FI' }],
    ['excluded', { response_code: '503', response_flags: 'DI,FI' }],
    ['excluded', { response_code: '429', response_flags: 'RL' }],
    ['ok', { response_code: '200', response_flags: 'DI' }],
    ['failure', { response_code: '500', response_flags: 'RLSE' }],
    ['ok', { response_code: '200', response_flags: '-', grpc_response_status: '0' }],
    ['ok', { response_code: '200', response_flags: '-', grpc_response_status: '5' }],
    ['failure', { response_code: '200', response_flags: '-', grpc_response_status: '14' }],
    ['failure', { response_code: '200', response_flags: '-', grpc_response_status: '2' }],
    ['ok', { response_code: '200', response_flags: '-', grpc_response_status: '' }],
    ['ok', { response_code: '200', response_flags: '-', grpc_response_status: '-' }],
    ['ok', { response_code: '200', response_flags: 'DC', grpc_response_status: '14' }],
    ['failure', { response_code: '500' }],
    ['failure', { response_code: '600' }],
    ['ok', {}],
  ] as const)('%s with %j', (outcome, labels) => {
    expect(outcomeOf(labels, DEFAULT_FAILURES)).toBe(outcome);
  });
});

describe('under a rule of its own, a request counts as', () => {
  const rule = { httpStatus: ['429', '4xx'], grpcStatus: ['8'] };
  it.each([
    ['failure', rule, { response_code: '429' }],
    ['failure', rule, { response_code: '404' }],
    ['failure', { ...rule, httpStatus: ['429'] }, { response_code: '429' }],
    ['ok', { ...rule, httpStatus: ['429'] }, { response_code: '404' }],
    ['ok', rule, { response_code: '500' }],
    ['failure', rule, { response_code: '0', response_flags: 'UC' }],
    ['failure', rule, { response_code: '999' }],
    ['excluded', rule, { response_code: '0', response_flags: 'DC' }],
    ['excluded', rule, { response_code: '429', response_flags: 'RL' }],
    ['failure', rule, { response_code: '200', grpc_response_status: '8' }],
    ['ok', rule, { response_code: '200', grpc_response_status: '14' }],
    ['ok', { httpStatus: [], grpcStatus: [] }, { response_code: '503' }],
  ] as const)('%s with %j and %j', (outcome, failures, labels) => {
    expect(outcomeOf(labels, failures)).toBe(outcome);
  });
});

describe("a duration is the version's own", () => {
  it.each([
    [true, '-'],
    [true, 'UF'],
    [true, 'RLSE'],
    [false, 'DI'],
    [false, 'FI'],
    [false, 'RL'],
    [false, 'UT,DI'],
  ])('%s with flags %s', (isOwn, response_flags) => {
    expect(isTimed({ response_flags })).toBe(isOwn);
  });
});

describe('a fault touched', () => {
  it.each([
    ['failure', 'FI'],
    ['failure', 'DI,FI'],
    ['ok', 'RL'],
    ['ok', '-'],
    ['ok', 'FID'],
  ])('%s: flags %s', (counts, response_flags) => {
    expect(touchedBy({ response_flags, response_code: '500' }, ['FI'])).toBe(counts);
  });
});
