// Sends the messages of a JSON list on standard input to HOST PORT with node-hl7-client, each after the answer to the one
// before it, and prints a line for each answer: MSA-1 and MSA-2.
'use strict'

const { Client, Message } = require('node-hl7-client')
const { readFileSync } = require('node:fs')

const [host, port] = process.argv.slice(2)
const messages = JSON.parse(readFileSync(0, 'utf8'))

async function main () {
  const client = new Client({ host })
  let answered
  const connection = client.createConnection({ port: Number(port), waitAck: false }, (response) => {
    const answer = response.getMessage()
    console.log(`${answer.get('MSA.1').toString()} ${answer.get('MSA.2').toString()}`)
    answered()
  })
  for (const text of messages) {
    const answer = new Promise((resolve) => { answered = resolve })
    await connection.sendMessage(new Message({ text }))
    await answer
  }
  await connection.close()
}

// A peer that never answers is no reason to wait for ever.
setTimeout(() => process.exit(1), 60_000).unref()

main().catch((fault) => {
  console.error(fault)
  process.exit(1)
})
