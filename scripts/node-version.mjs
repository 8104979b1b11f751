/** The oldest Node that the product supports; `engines` in package.json says the same. */
const OLDEST = [20, 19];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

// This module is imported first by every script, and the scripts import everything newer than
// Node 12 lazily, so that an old Node ends here and not in a syntax error.
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  console.error(
    `obsigna: Node ${process.versions.node} is too old, ${OLDEST.join('.')} or newer is needed\n` +
      '  remedy: install a newer Node (https://nodejs.org, nvm, fnm) and run the command again',
  );
  process.exit(1);
}
