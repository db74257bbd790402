import { labProgram } from './cli/program.ts';
import { reportFailure } from './cli/report.ts';

try {
  process.exitCode = await labProgram(process.argv);
} catch (error) {
  process.exitCode = reportFailure(error);
}
