import ts from 'typescript';
import { read } from './tree.ts';

/** The syntax tree of a file of the checkout. */
export function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2024, true);
}

/** What the object literal gives its first property of one of the names. */
export function propertyOf(object: ts.ObjectLiteralExpression, ...names: readonly string[]): ts.Expression | undefined {
  const properties = object.properties.filter(ts.isPropertyAssignment);
  return properties.find((property) => names.includes(property.name.getText()))?.initializer;
}

/** The texts that the expression may have; a variable gives none here, but where its value was written. */
export function textsOf(expression: ts.Expression | undefined): readonly string[] {
  if (expression === undefined) return [];
  if (ts.isStringLiteral(expression)) return [expression.text];
  if (ts.isConditionalExpression(expression)) return [expression.whenTrue, expression.whenFalse].flatMap(textsOf);
  return ts.isParenthesizedExpression(expression) ? textsOf(expression.expression) : [];
}

/** Every node below `from`, and itself, that `is` accepts. */
export function findAll<T extends ts.Node>(from: ts.Node, is: (node: ts.Node) => node is T): readonly T[] {
  const found: T[] = [];
  const visit = (node: ts.Node) => {
    if (is(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(from);
  return found;
}
