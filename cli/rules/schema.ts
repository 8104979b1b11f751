import { rulesSchema } from '../../policy/language/json-schema.ts';
import { defineVerb } from '../verb.ts';

const notes = `Save it, and name it in the first line of a rules file:

  # yaml-language-server: $schema=./rules.schema.json

It is made from the table that the loader uses. Patterns, paths and expressions are
only checked by obsigna rules check.
`;

/** `obsigna rules schema` */
export const schemaRulesCommand = defineVerb({
  name: 'rules schema',
  operands: [],
  about: 'Prints the JSON Schema of a rules file, for editors.',
  spec: {},
  notes,
  run: (_input, cli) => {
    cli.out.write(`${JSON.stringify(rulesSchema(), null, 2)}\n`);
    return 0;
  },
});
