// Runs the official SDK, unchanged, against a Brevo account: create, upsert, read, lists, import,
// process, attributes, events, companies. Prints what it saw as JSON; exits 1 on a mismatch.
//
//   BREVO_BASE_URL=http://127.0.0.1:8091/v3 BREVO_API_KEY=sandbox node brevo.mjs
//
// The account needs the list and attributes named below, as the sandbox's seed has them.
import assert from "node:assert/strict";
import { BrevoClient, BrevoError } from "@getbrevo/brevo";

const { BREVO_BASE_URL: baseUrl, BREVO_API_KEY: apiKey } = process.env;
const listId = Number(process.env.BREVO_LIST_ID ?? 60);
assert(baseUrl && apiKey, "BREVO_BASE_URL and BREVO_API_KEY are required");

const brevo = new BrevoClient({ apiKey, baseUrl });
const run = Date.now().toString(36);
const email = `ann+${run}@sdk.example`;
const seen = {};

async function refused(promise) {
  const err = await promise.then(() => undefined, (e) => e);
  assert(err instanceof BrevoError, `expected a refusal, got ${err}`);
  return { status: err.statusCode, body: err.body };
}

async function finished(processId) {
  for (let tries = 0; tries < 60; tries++) {
    const process = await brevo.process.getProcess({ processId });
    if (process.status === "completed") return process;
    assert.notEqual(process.status, "failed");
    await new Promise((wake) => setTimeout(wake, 500));
  }
  assert.fail("the process did not complete");
}

const scenarios = {
  async account() {
    const { email } = await brevo.account.getAccount();
    assert(email.includes("@"));
    return email;
  },
  async wrongKey() {
    const stranger = new BrevoClient({ apiKey: "wrong", baseUrl });
    const refusal = await refused(stranger.account.getAccount());
    assert.equal(refusal.status, 401);
    assert.equal(refusal.body.code, "unauthorized");
    return refusal;
  },
  async attributes() {
    const name = `SDK_${run.toUpperCase()}`;
    await brevo.contacts.createAttribute({ attributeCategory: "normal", attributeName: name, type: "boolean" });
    const { attributes } = await brevo.contacts.getAttributes();
    const created = attributes.find((a) => a.name === name);
    assert.equal(created?.type, "boolean");
    await brevo.contacts.deleteAttribute({ attributeCategory: "normal", attributeName: name });
    return { created, all: attributes.map((a) => a.name) };
  },
  async create() {
    const { data, rawResponse } = await brevo.contacts
      .createContact({ email, ext_id: run, attributes: { FIRSTNAME: "Ann", LTV: 12.5 }, listIds: [listId] })
      .withRawResponse();
    assert.equal(rawResponse.status, 201);
    assert(Number.isInteger(data.id));
    return data;
  },
  async duplicate() {
    const refusal = await refused(brevo.contacts.createContact({ email }));
    assert.equal(refusal.status, 400);
    assert.deepEqual(refusal.body.metadata.duplicate_identifiers, ["email"]);
    return refusal;
  },
  async upsert() {
    const { rawResponse } = await brevo.contacts
      .createContact({ email, attributes: { LASTNAME: "Lee" }, updateEnabled: true })
      .withRawResponse();
    assert.equal(rawResponse.status, 204);
    return rawResponse.status;
  },
  async get() {
    const byEmail = await brevo.contacts.getContactInfo({ identifier: email, identifierType: "email_id" });
    const byExtId = await brevo.contacts.getContactInfo({ identifier: run, identifierType: "ext_id" });
    assert.deepEqual(byEmail, byExtId);
    assert.equal(byEmail.email, email);
    assert.equal(byEmail.attributes.FIRSTNAME, "Ann");
    assert.equal(byEmail.attributes.LASTNAME, "Lee");
    assert.equal(byEmail.attributes.LTV, 12.5);
    assert.deepEqual(byEmail.listIds, [listId]);
    return byEmail;
  },
  async update() {
    await brevo.contacts.updateContact({ identifier: email, identifierType: "email_id", unlinkListIds: [listId], emailBlacklisted: true });
    const contact = await brevo.contacts.getContactInfo({ identifier: email });
    assert.deepEqual(contact.listIds, []);
    assert.equal(contact.emailBlacklisted, true);
    return contact.emailBlacklisted;
  },
  async contacts() {
    const { contacts, count } = await brevo.contacts.getContacts({ limit: 5, sort: "desc", modifiedSince: new Date(Date.now() - 3600_000).toISOString() });
    assert(contacts.some((c) => c.email === email));
    return { count, first: contacts[0].id };
  },
  async list() {
    const added = await brevo.contacts.addContactToList({ listId, body: { emails: [email] } });
    assert.deepEqual(added.contacts.success, [email]);
    const { contacts } = await brevo.contacts.getContactsFromList({ listId, limit: 500 });
    assert(contacts.some((c) => c.email === email));
    const { lists } = await brevo.contacts.getLists({ limit: 50 });
    return lists.find((l) => l.id === listId);
  },
  async import() {
    const { processId } = await brevo.contacts.importContacts({
      jsonBody: [
        { email: `new+${run}@sdk.example`, attributes: { FIRSTNAME: "New", EXT_ID: `new-${run}` } },
        { email, attributes: { FIRSTNAME: "Anna" } },
        { email: "not..an@address", attributes: {} },
      ],
      listIds: [listId],
    });
    const process = await finished(processId);
    const report = await (await fetch(process.info.import.invalid_emails)).text();
    assert(report.includes("not..an@address"));
    const contact = await brevo.contacts.getContactInfo({ identifier: email });
    assert.equal(contact.attributes.FIRSTNAME, "Anna");
    assert.equal(contact.emailBlacklisted, true, "an import never re-subscribes");
    return process;
  },
  async processes() {
    const { processes, count } = await brevo.process.getProcesses({ limit: 1 });
    assert.equal(processes.length, 1);
    return count;
  },
  async events() {
    await brevo.event.createEvent({ event_name: "sdk_checked", identifiers: { email_id: email }, event_properties: { run } });
    const batch = await brevo.event.createBatchEvents({
      events: [{ event_name: "sdk_checked", identifiers: { ext_id: run }, event_properties: { run } }],
    });
    assert.equal(batch.count, 1);
    const { events } = await brevo.event.getEvents({ event_name: "sdk_checked", limit: 2 });
    assert.equal(events[0].event_properties.run, run);
    return events;
  },
  async companies() {
    const { id } = await brevo.companies.createACompany({ name: `SDK ${run}`, attributes: { domain: "sdk.example" } });
    const { items } = await brevo.companies.getAllCompanies({ "filters[attributes.name]": `SDK ${run}` });
    assert.deepEqual(items.map((c) => c.id), [id]);
    await brevo.companies.deleteACompany({ id });
    return items[0];
  },
  async delete() {
    await brevo.contacts.deleteContact({ identifier: email, identifierType: "email_id" });
    const refusal = await refused(brevo.contacts.getContactInfo({ identifier: email }));
    assert.equal(refusal.status, 404);
    assert.equal(refusal.body.code, "document_not_found");
    return refusal;
  },
};

let failed = false;
for (const [name, scenario] of Object.entries(scenarios)) {
  try {
    seen[name] = await scenario();
  } catch (err) {
    failed = true;
    seen[name] = { failed: err.message, body: err.body };
  }
}
console.log(JSON.stringify(seen, null, 2));
process.exit(failed ? 1 : 0);
