// Calls a seeded Pipedrive sandbox through the official SDK and checks what comes back.
//
//   PIPEDRIVE_BASE_URL=http://127.0.0.1:8001 PIPEDRIVE_API_TOKEN=sandbox node pipedrive.mjs
//
// Prints what it saw as JSON; exits 1 at the first mismatch.
import assert from "node:assert/strict";
import * as v1 from "pipedrive/v1";
import * as v2 from "pipedrive/v2";

const base = process.env.PIPEDRIVE_BASE_URL ?? "http://127.0.0.1:8001";
const apiKey = process.env.PIPEDRIVE_API_TOKEN ?? "sandbox";
const second = new v2.Configuration({ apiKey, basePath: `${base}/api/v2` });
const first = new v1.Configuration({ apiKey, basePath: `${base}/v1` });

const persons = new v2.PersonsApi(second);
const deals = new v2.DealsApi(second);
const personFields = new v2.PersonFieldsApi(second);
const leads = new v1.LeadsApi(first);
const notes = new v1.NotesApi(first);
const users = new v1.UsersApi(first);
const seen = {};

async function walkPersons() {
  const ids = new Set();
  let cursor;
  do {
    const page = await persons.getPersons({ limit: 500, cursor, sort_by: "id", include_fields: "won_deals_count" });
    assert.equal(page.success, true);
    for (const person of page.data) {
      assert.ok(!ids.has(person.id), `person ${person.id} was listed twice`);
      assert.ok(Array.isArray(person.emails) && Array.isArray(person.phones));
      assert.equal(typeof person.won_deals_count, "number");
      ids.add(person.id);
    }
    cursor = page.additional_data.next_cursor ?? undefined;
  } while (cursor);
  return ids.size;
}

async function writePerson() {
  const { data: made } = await persons.addPerson({
    AddPersonRequest: { name: "Sunita Elmsworth", emails: [{ value: "sunita@elmsworth.example.com", primary: true, label: "work" }] },
  });
  assert.equal(made.name, "Sunita Elmsworth");
  assert.equal(made.emails[0].value, "sunita@elmsworth.example.com");
  const { data: changed } = await persons.updatePerson({
    id: made.id,
    UpdatePersonRequest: { phones: [{ value: "+44 7400 999999", primary: true, label: "mobile" }] },
  });
  assert.equal(changed.phones[0].value, "+44 7400 999999");
  assert.deepEqual(changed.emails, made.emails, "a patch changes only what it names");
  const { data: found } = await persons.searchPersons({ term: "sunita@elmsworth.example.com", fields: "email", exact_match: true });
  assert.equal(found.items[0].item.id, made.id);
  const { data: read } = await persons.getPerson({ id: made.id });
  assert.equal(read.name, made.name);
  const { data: gone } = await persons.deletePerson({ id: made.id });
  assert.equal(gone.id, made.id);
  return made.id;
}

// The SDK rejects with the body of the answer itself.
async function refused(call) {
  const body = await call.then(() => null, (e) => e);
  assert.equal(body?.success, false, "the call should have been refused");
  return body;
}

async function main() {
  const { data: me } = await users.getCurrentUser();
  assert.ok(me.company_domain);
  seen.company_domain = me.company_domain;
  seen.users = (await users.getUsers()).data.length;

  seen.persons = await walkPersons();
  assert.ok(seen.persons > 0);
  seen.written_person = await writePerson();

  const fields = await personFields.getPersonFields({ limit: 500 });
  const source = fields.data.find((field) => field.field_name === "Lead Source");
  assert.equal(source?.field_type, "enum");
  assert.match(source.field_code, /^[0-9a-f]{40}$/);
  seen.person_fields = fields.data.length;

  const won = await deals.getDeals({ status: "won", limit: 5 });
  assert.ok(won.data.length > 0 && won.data.every((deal) => deal.status === "won" && deal.won_time));
  seen.won_deals = won.data.length;

  const someLeads = await leads.getLeads({ limit: 5, sort: "update_time ASC" });
  assert.ok(someLeads.data.length > 0);
  assert.match(someLeads.data[0].id, /^[0-9a-f-]{36}$/);
  const { data: lead } = await leads.getLead({ id: someLeads.data[0].id });
  assert.equal(lead.title, someLeads.data[0].title);
  seen.leads = someLeads.data.length;

  const someNotes = await notes.getNotes({ limit: 5 });
  assert.ok(someNotes.data[0].content);
  seen.notes = someNotes.data.length;

  assert.equal((await refused(persons.getPersons({ limit: 501 }))).code, "ERR_SCHEMA_VALIDATION_FAILED");
  const stranger = new v2.PersonsApi(new v2.Configuration({ apiKey: "wrong", basePath: `${base}/api/v2` }));
  assert.equal((await refused(stranger.getPersons({}))).errorCode, 401);
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
