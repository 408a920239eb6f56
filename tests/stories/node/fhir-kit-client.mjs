// Does with fhir-kit-client what an app does with a FHIR server at BASE, and prints a line for each thing that was done.
// `import` does not look into NODE_PATH, so that the package is named by its file.

const base = process.argv[2]
const { default: named, Client: exported } = await import(`${process.env.NODE_PATH}/fhir-kit-client/dist/index.js`)
const Client = exported ?? named
const client = new Client({ baseUrl: base })
const resourceType = 'Patient'

const statement = await client.capabilityStatement()
console.log(`statement ${statement.fhirVersion}`)

const body = { resourceType, name: [{ family: 'Kit' }], birthDate: '1971-03-04' }
const created = await client.create({ resourceType, body })
console.log(`created ${created.meta.versionId}`)
const id = created.id
const read = await client.read({ resourceType, id })
console.log(`read ${read.name[0].family}`)
const updated = await client.update({ resourceType, id, body: { ...read, active: true } })
console.log(`updated ${updated.meta.versionId}`)
const jsonPatch = [{ op: 'replace', path: '/name/0/family', value: 'Kitty' }]
const patched = await client.patch({ resourceType, id, jsonPatch })
console.log(`patched ${patched.name[0].family}`)
const former = await client.vread({ resourceType, id, version: '1' })
console.log(`vread ${former.name[0].family}`)
const history = await client.history({ resourceType, id })
console.log(`history ${history.entry.length}`)

const entry = [1, 2, 3, 4, 5].map((number) => ({
  fullUrl: `urn:uuid:00000000-0000-4000-8000-00000000000${number}`,
  resource: { resourceType, name: [{ family: `Paged${number}` }] },
  request: { method: 'POST', url: resourceType }
}))
const done = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry } })
console.log(`transaction ${done.entry.map((one) => one.response.status.slice(0, 3)).join(' ')}`)
const mixed = [{ request: { method: 'GET', url: `${resourceType}/${id}` } }, { request: { method: 'GET', url: 'Patient/nobody' } }]
const batch = await client.batch({ body: { resourceType: 'Bundle', type: 'batch', entry: mixed } })
console.log(`batch ${batch.entry.map((one) => one.response.status.slice(0, 3)).join(' ')}`)

const names = []
let page = await client.search({ resourceType, searchParams: { family: 'paged', _count: 2, _sort: 'family' } })
while (page) {
  names.push(...page.entry.map((found) => found.resource.name[0].family))
  page = page.link.some((link) => link.relation === 'next') ? await client.nextPage({ bundle: page }) : undefined
}
console.log(`search ${names.join(' ')}`)

await client.delete({ resourceType, id })
try {
  await client.read({ resourceType, id })
} catch (fault) {
  const { status, data } = fault.response
  console.log(`deleted ${status} ${data.resourceType}`)
}
