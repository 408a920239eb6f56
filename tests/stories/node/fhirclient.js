// Does with fhirclient, the SMART project's own, what an app does with a FHIR server at BASE, and prints a line for each
// thing that was done.
'use strict'

const { FhirClient } = require('fhirclient')

const client = new FhirClient(process.argv[2])
const resourceType = 'Patient'

async function main () {
  console.log(`release ${await client.getFhirRelease()}`)
  const created = await client.create({ resourceType, name: [{ family: 'Smart' }], birthDate: '1971-03-04' })
  console.log(`created ${created.meta.versionId}`)
  const at = `${resourceType}/${created.id}`
  const read = await client.fhirRequest(at)
  console.log(`read ${read.name[0].family}`)
  const updated = await client.update({ ...read, active: true })
  console.log(`updated ${updated.meta.versionId}`)
  const patched = await client.patch(at, [{ op: 'replace', path: '/name/0/family', value: 'Smarter' }])
  console.log(`patched ${patched.name[0].family}`)

  const entry = [1, 2, 3, 4, 5].map((number) => ({
    resource: { resourceType, name: [{ family: `Leaf${number}` }], link: [{ other: { reference: at }, type: 'seealso' }] },
    request: { method: 'POST', url: resourceType }
  }))
  const done = await client.fhirRequest('', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry })
  })
  console.log(`transaction ${done.entry.map((one) => one.response.status.slice(0, 3)).join(' ')}`)

  // It follows the links to the next pages itself.
  const names = []
  let leaf
  for await (const found of client.resources(`${resourceType}?family=leaf&_count=2&_sort=family`)) {
    names.push(found.name[0].family)
    leaf = found
  }
  console.log(`search ${names.join(' ')}`)
  await client.resolveReferences(leaf, ['link.0.other'])
  console.log(`resolved ${leaf.link[0].other.name[0].family}`)

  await client.delete(at)
  try {
    await client.fhirRequest(at)
  } catch (fault) {
    console.log(`deleted ${fault.status ?? fault.statusCode}`)
  }
}

main().catch((fault) => {
  console.error(fault)
  process.exit(1)
})
