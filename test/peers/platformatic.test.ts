import { embedded } from './embedded.ts'
import { platformaticSessions } from './platformatic-sessions.ts'
import { testSessions } from './sessions.ts'

testSessions('@platformatic/kafka on the embedded broker', platformaticSessions, embedded)
