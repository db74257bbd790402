import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { findAll, parse, propertyOf, textsOf } from './syntax.ts';
import { productSources } from './tree.ts';

const conditions = productSources
  .map(parse)
  .flatMap((source) => findAll(source, ts.isObjectLiteralExpression))
  .filter((object) => propertyOf(object, 'status') !== undefined && propertyOf(object, 'reason') !== undefined);

describe('a condition', () => {
  it.each(['type', 'reason'])('has a %s in CamelCase', (property) => {
    const texts = conditions.flatMap((condition) => textsOf(propertyOf(condition, property)));
    expect(texts).not.toEqual([]);
    expect(texts.filter((text) => !/^[A-Z][A-Za-z]*$/.test(text))).toEqual([]);
  });
});
