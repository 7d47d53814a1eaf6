import type { Call, Handlers } from '../call.ts'

/** What they lead to depends on how far the connection has come: `Session` knows. */
export const saslHandlers: Handlers<'SaslHandshake' | 'SaslAuthenticate'> = {
  SaslHandshake: (_cluster, { session, version, body }: Call<'SaslHandshake'>) =>
    session.handshake(version, body.mechanism),
  SaslAuthenticate: (_cluster, { session, body }: Call<'SaslAuthenticate'>) => session.authenticate(body.authBytes),
}
