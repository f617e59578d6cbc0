// Answers each line (a FHIR resource as JSON) with a line: what HL7's R4 definitions (StructureDefinitions and value sets, as the npm
// package `fhir` ships them) find wrong with it: elements that must be there, codes of required value sets, elements that do not exist.
// A code beyond a value set that is only an example or preferred is a warning there, and no fault.
// NODE_PATH says where the package is.
const { createInterface } = require("node:readline");
const { Fhir } = require("fhir");

const official = new Fhir();
createInterface({ input: process.stdin }).on("line", (line) => {
  const { messages } = official.validate(JSON.parse(line), { errorOnUnexpected: true });
  const wrong = messages.filter((m) => m.severity === "error" || m.severity === "fatal").map((m) => `${m.location}: ${m.message}`);
  process.stdout.write(`${JSON.stringify(wrong)}\n`);
});
