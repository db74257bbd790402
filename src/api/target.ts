import { z } from 'zod';
import { labelName, subdomainName } from './fields.ts';
import { exactlyOneOf, immutable, withRule } from './rule.ts';

const PORT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Characters of a Service's name, so that `<service>-<10 characters of hash>` stays within the 63 of a DNS label. */
const MAX_SERVICE_NAME = 52;

/** `spec.workloadRef`: what is released. */
export const workloadRefSchema = immutable(
  z.strictObject({
    kind: z.enum(['Deployment']).describe('Kind of the workload. Only Deployment.').default('Deployment'),
    name: subdomainName().describe(
      "Name of the Deployment, in the Rollout's namespace. Sluice sets `spec.paused` on it, and raises `spec.replicas` again where an autoscaler shrank the service during a release; a change of its pod template starts a release.",
    ),
  }),
  'is immutable: create a new Rollout for another workload and delete this one',
).describe('The workload that is released. Immutable.');

const portSchema = withRule(
  z.union([z.int(), z.string().max(15)]).meta({ 'x-kubernetes-int-or-string': true, maxLength: 15 }),
  {
    cel: `type(self) == int ? self >= 1 && self <= 65535 : self.matches('${PORT_NAME.source}')`,
    holds: (port) => (typeof port === 'number' ? port >= 1 && port <= 65_535 : PORT_NAME.test(port)),
    message: "must be a port number from 1 to 65535, or the name of one of the Service's ports, such as http",
  },
);

/** `spec.service`: where the callers send their requests. */
export const serviceSchema = immutable(
  z.strictObject({
    name: labelName(
      MAX_SERVICE_NAME,
      `must have at most ${MAX_SERVICE_NAME} characters, because each revision gets a Service named <name>-<10 characters>: put a Service with a shorter name in front of the same pods`,
    ).describe(
      `Name of the Service that callers use, in the Rollout's namespace; at most ${MAX_SERVICE_NAME} characters. Sluice never changes it: each revision in play gets a Service of its own named \`<name>-<revision>\`.`,
    ),
    port: portSchema.describe('Number or name of the port whose requests are split. It must be an HTTP port.'),
  }),
  'is immutable: create a new Rollout for another Service and delete this one',
).describe('The Service whose requests are split between the versions. Immutable.');

const istioSchema = z
  .strictObject({
    virtualService: subdomainName()
      .describe(
        'Name of a VirtualService of yours to adopt: for the time of a release Sluice writes the weights into its routes for the Service, and restores it byte for byte afterwards. Absent: Sluice creates one and deletes it after each release.',
      )
      .exactOptional(),
  })
  .describe('Route through an Istio VirtualService.');

/** `spec.routing`: how the requests are split. */
export const routingSchema = withRule(
  z.strictObject({ istio: istioSchema.exactOptional() }),
  exactlyOneOf(['istio'], 'add `istio: {}`'),
).describe('The mesh or gateway that splits the requests. Exactly one block. It cannot change during a release.');
