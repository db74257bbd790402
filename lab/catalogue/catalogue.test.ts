import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findImage, imageNames } from './catalogue.ts';

describe('the catalogue', () => {
  it.each(['lab/echo', 'lab/echo:v2', 'lab/echo:1.0-rc.1', 'lab/echo@sha256:abc'])(
    'knows %s whatever its tag',
    (image) => {
      expect(findImage(image)).toBe(findImage('lab/echo'));
      expect(findImage(image)).toBeDefined();
    },
  );

  it.each(['nginx:1', 'lab/ech', 'registry.example:5000/lab/echo', ''])('does not know %s', (image) => {
    expect(findImage(image)).toBeUndefined();
  });

  it('names only programs that exist', () => {
    for (const name of imageNames) {
      const entrypoint = findImage(name)?.entrypoint ?? [];
      expect(existsSync(entrypoint[0] ?? '')).toBe(true);
      const source = entrypoint.find((word) => word.endsWith('.ts'));
      if (source) expect(existsSync(source)).toBe(true);
    }
  });
});
