import ts from 'typescript';
import { read } from './tree.ts';

/** Where a code is given to an AppError. */
export interface CodeUse {
  readonly code: string;
  readonly file: string;
}

/**
 * Every error code that the files give to an AppError: as second argument of its constructor, as `code` beside `class` in an
 * object, or as argument for a parameter named `code`.
 */
export function errorCodesIn(files: readonly string[]): readonly CodeUse[] {
  const parsed = files.map((file) => ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2024, true));
  const takers = new Map(parsed.flatMap((source) => findAll(source, ts.isFunctionDeclaration)).flatMap(codeParameter));
  return parsed.flatMap((source) =>
    [
      ...findAll(source, ts.isNewExpression)
        .filter(isAppError)
        .map((made) => made.arguments?.[1]),
      ...findAll(source, ts.isObjectLiteralExpression).map(codeBesideClass),
      ...findAll(source, ts.isCallExpression).map((call) => codeArgument(call, takers)),
    ].flatMap((expression) => codesOf(expression).map((code) => ({ code, file: source.fileName }))),
  );
}

const isAppError = (made: ts.NewExpression) => made.expression.getText() === 'AppError';

function codeParameter(declared: ts.FunctionDeclaration): [string, number][] {
  const index = declared.parameters.findIndex((parameter) => parameter.name.getText() === 'code');
  return declared.name === undefined || index < 0 ? [] : [[declared.name.text, index]];
}

function codeArgument(call: ts.CallExpression, takers: ReadonlyMap<string, number>): ts.Expression | undefined {
  const index = takers.get(call.expression.getText());
  return index === undefined ? undefined : call.arguments[index];
}

function codeBesideClass(object: ts.ObjectLiteralExpression): ts.Expression | undefined {
  const initializerOf = (name: string) =>
    object.properties.filter(ts.isPropertyAssignment).find((property) => property.name.getText() === name)?.initializer;
  return initializerOf('class') === undefined ? undefined : initializerOf('code');
}

/** The codes among the expression's string literals; a variable gives none here, but where its value was written. */
function codesOf(expression: ts.Expression | undefined): readonly string[] {
  if (expression === undefined) return [];
  return findAll(expression, ts.isStringLiteral)
    .map((literal) => literal.text)
    .filter((text) => /^[A-Z][A-Z0-9_]+$/.test(text));
}

function findAll<T extends ts.Node>(from: ts.Node, is: (node: ts.Node) => node is T): readonly T[] {
  const found: T[] = [];
  const visit = (node: ts.Node) => {
    if (is(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(from);
  return found;
}
