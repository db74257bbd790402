import { loadConfig, useContext } from './kubeconfig.ts';

/** The namespace of the kubeconfig's context (the current one by default), or `default` where it names none. */
export function currentNamespace(
  options: { readonly path?: string | undefined; readonly context?: string | undefined } = {},
): string {
  const config = loadConfig(options.path);
  if (options.context !== undefined) useContext(config, options.context);
  return config.getContextObject(config.getCurrentContext())?.namespace || 'default';
}
