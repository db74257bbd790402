import ts from 'typescript';
import { findAll, parse, propertyOf, textsOf } from './syntax.ts';

/** Where a code is given to an AppError. */
export interface CodeUse {
  readonly code: string;
  /** The class beside it, where it is written there. */
  readonly errorClass: string | undefined;
  readonly file: string;
}

interface CodePlace {
  readonly code: ts.Expression | undefined;
  readonly errorClass?: ts.Expression | undefined;
}

/**
 * Every error code that the files give to an AppError: as second argument of its constructor, as `code` beside `class` or
 * `errorClass` in an object, or as argument for a parameter named `code`.
 */
export function errorCodesIn(files: readonly string[]): readonly CodeUse[] {
  const parsed = files.map(parse);
  const takers = new Map(parsed.flatMap((source) => findAll(source, ts.isFunctionDeclaration)).flatMap(codeParameter));
  return parsed.flatMap((source) =>
    [
      ...findAll(source, ts.isNewExpression).map(codeOfConstructor),
      ...findAll(source, ts.isObjectLiteralExpression).map(codeBesideClass),
      ...findAll(source, ts.isCallExpression).map((call) => codeArgument(call, takers)),
    ].flatMap((place) => {
      const errorClass = textsOf(place.errorClass)[0];
      return textsOf(place.code).map((code) => ({ code, errorClass, file: source.fileName }));
    }),
  );
}

function codeOfConstructor(made: ts.NewExpression): CodePlace {
  if (made.expression.getText() !== 'AppError') return { code: undefined };
  return { errorClass: made.arguments?.[0], code: made.arguments?.[1] };
}

function codeBesideClass(object: ts.ObjectLiteralExpression): CodePlace {
  const errorClass = propertyOf(object, 'class', 'errorClass');
  return { errorClass, code: errorClass === undefined ? undefined : propertyOf(object, 'code') };
}

function codeParameter(declared: ts.FunctionDeclaration): [string, number][] {
  const index = declared.parameters.findIndex((parameter) => parameter.name.getText() === 'code');
  return declared.name === undefined || index < 0 ? [] : [[declared.name.text, index]];
}

function codeArgument(call: ts.CallExpression, takers: ReadonlyMap<string, number>): CodePlace {
  const index = takers.get(call.expression.getText());
  return { code: index === undefined ? undefined : call.arguments[index] };
}
