import { note, ok, warn, fail, type HealthCheck } from '../../shared/health/check.ts';
import { surveyText, type Survey, type SurveyedServer } from '../wrap/survey.ts';

const MAX_NAMED = 5;

/** Whether the servers of the clients here pass the proxy. */
export function coverageCheck(found: Survey): HealthCheck {
  const name = 'governed servers';
  const [unread] = found.unread;
  if (unread !== undefined) {
    const reason = `${surveyText(found)}; not read: ${unread.error.message}`;
    return warn(name, reason, unread.error.remedy);
  }
  const open = found.servers.filter(({ standing }) => standing === 'open');
  const others = found.servers.filter(({ standing }) =>
    ['remote', 'builtin', 'unclear'].includes(standing),
  );
  if (open.length > 0) {
    return warn(name, `${surveyText(found)}; not: ${namesOf(open)}`, 'obsigna wrap');
  }
  if (others.length > 0) {
    const fix = 'obsigna status says why; let agents do without them, or govern them elsewhere';
    return note(name, `${surveyText(found)}; left by obsigna wrap: ${namesOf(others)}`, fix);
  }
  if (found.configured === 0) return ok(name, 'no client here has a server');
  return ok(name, surveyText(found));
}

/** Whether wrapped servers can start: their proxy and their rules are where their entries say. */
export function wrappedCheck(found: Survey): HealthCheck {
  const name = 'wrapped entries';
  const broken = found.servers.filter(({ standing }) => standing === 'broken');
  const [first] = broken;
  if (first === undefined) {
    if (found.governed > 0) return ok(name, 'their proxy and their rules are there');
    return found.configured === 0 ? ok(name, 'none needed') : note(name, 'none yet');
  }
  const reason = `${namesOf(broken)} cannot start: ${first.reason}`;
  return fail(name, reason, 'obsigna wrap renews the path of the proxy; put missing rules back');
}

function namesOf(servers: readonly SurveyedServer[]): string {
  const names = servers.slice(0, MAX_NAMED).map(({ server, clients }) => {
    return `${server} (${clients.join(', ')})`;
  });
  const more = servers.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
