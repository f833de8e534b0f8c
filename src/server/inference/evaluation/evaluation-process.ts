/** Entry of an evaluation process. */
import { serveEvaluations } from './evaluation-service.ts';

serveEvaluations(process);
