import { embedded } from './embedded.ts'
import { kafkajsAdminSessions } from './kafkajs-admin-sessions.ts'
import { kafkajsSessions } from './kafkajs-sessions.ts'
import { testSessions } from './sessions.ts'

testSessions('kafkajs on the embedded broker', { ...kafkajsSessions, ...kafkajsAdminSessions }, embedded)
