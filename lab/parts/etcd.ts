import { goPart } from './go-part.ts';

const VERSION = '3.6.16';

/** The store of the API server. */
export const etcd = goPart({
  name: 'etcd',
  version: `v${VERSION}`,
  family: 'etcd',
  packagePath: 'go.etcd.io/etcd/server/v3',
  binary: 'etcd',
  check: { args: ['--version'], expect: `etcd Version: ${VERSION}` },
});
