// Listens on PORT with node-hl7-server, answers each message with the code given, and prints MSH-10 of what came. It ends
// with its standard input, so that it does not outlive who started it.
'use strict'

const { Server } = require('node-hl7-server')

const [port, code] = process.argv.slice(2)
const inbound = new Server({ bindAddress: '127.0.0.1' }).createInbound({ port: Number(port) }, async (request, response) => {
  console.log(`took ${request.getMessage().get('MSH.10').toString()}`)
  await response.sendResponse(code)
})
inbound.on('listen', () => { console.log('listening') })
process.stdin.resume().on('end', () => process.exit())
