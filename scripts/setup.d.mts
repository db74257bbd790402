/** Types of `setup.mjs`, which must stay plain JavaScript: it runs on Node versions that cannot read types. */
interface LockFile {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly optional?: boolean; readonly link?: boolean }>
  >;
}

export function isInstalled(lock: LockFile, installed: LockFile): boolean;
export function isNewEnough(version: string): boolean;
export function setUp(root: string): Promise<string | undefined>;
