import { describe, expect, it } from 'vitest';
import { Problem } from './environment.ts';
import type { Container, Pod } from './pod.ts';
import { containerPlan, type PlanContext } from './process-plan.ts';

const context: PlanContext = {
  place: { podIp: '10.244.1.5', hostIp: '10.244.0.1', nodeName: 'lab' },
  sources: { configMaps: new Map(), secrets: new Map() },
  image: { entrypoint: ['node', 'echo.ts'], args: ['--default'], env: { SMALL: '1' } },
  root: '/state/root/main',
  proxyPort: 20_004,
  path: '/bin',
};

function plan(container: Partial<Container>, labels: Record<string, string> = {}) {
  const full: Container = { name: 'main', image: 'lab/echo:1', ...container };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'n', labels },
    spec: { containers: [full] },
  };
  return containerPlan(pod, full, context);
}

describe('the process of a container', () => {
  it('is what the image says', () => {
    expect(plan({})).toMatchObject({
      argv: ['node', 'echo.ts', '--default'],
      cwd: '/state/root/main',
      env: { SMALL: '1' },
    });
  });

  it('takes the container’s arguments instead of the image’s', () => {
    expect(plan({ args: ['-x'] })).toMatchObject({ argv: ['node', 'echo.ts', '-x'] });
  });

  it('takes the container’s command instead of everything', () => {
    expect(plan({ command: ['sh'] })).toMatchObject({ argv: ['sh'] });
  });

  it('expands variables in command and arguments', () => {
    const env = [{ name: 'N', value: '3' }];
    expect(plan({ env, command: ['sleep'], args: ['$(N)'] })).toMatchObject({ argv: ['sleep', '3'] });
  });

  it('knows the pod’s address and root, and gets nothing else of the kubelet’s environment', () => {
    expect(plan({})).toMatchObject({
      env: {
        LAB_POD_IP: '10.244.1.5',
        LAB_ROOT: '/state/root/main',
        HOSTNAME: 'p',
        HOME: '/state/root/main',
        PATH: '/bin',
        SMALL: '1',
      },
    });
    expect(Object.keys((plan({}) as { env: object }).env)).toHaveLength(6);
  });

  it('is told of the sidecar’s proxy only when the pod has one', () => {
    expect(plan({}, { 'sidecar.istio.io/inject': 'true' })).toMatchObject({
      env: { HTTP_PROXY: 'http://127.0.0.1:20004' },
    });
    expect(plan({}, { 'sidecar.istio.io/inject': 'false' })).not.toHaveProperty('env.HTTP_PROXY');
  });

  it.each([
    [{ readinessProbe: { exec: {} } }, 'readinessProbe: only httpGet and tcpSocket are supported'],
    [{ livenessProbe: { grpc: {} } }, 'livenessProbe: only httpGet and tcpSocket are supported'],
    [{ lifecycle: { preStop: { exec: {} } } }, 'lifecycle: only preStop.sleep is supported'],
    [{ lifecycle: { postStart: {} } }, 'lifecycle: only preStop.sleep is supported'],
  ])('is refused when the lab cannot do what is asked: %j', (container, message) => {
    expect(plan(container as Partial<Container>)).toEqual(new Problem(message));
  });
});
