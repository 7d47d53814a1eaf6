import { type Api, type ApiName, api, apiByKey } from './apis.ts'
import { type Codec, compile } from './codec.ts'
import { errorCodes } from './error-codes.ts'
import type { RequestHeader, Requests, ResponseHeader, Responses } from './messages.ts'
import { ProtocolError } from './protocol-error.ts'
import { Reader, type ReaderOptions } from './reader.ts'
import type { Decoded, Encodable } from './shapes.ts'
import { Writer } from './writer.ts'

const requestHeaders = [1, 2].map(version =>
  compile<RequestHeader, Decoded<RequestHeader>>('RequestHeader', version, true),
)
const responseHeaders = [0, 1].map(version =>
  compile<ResponseHeader, Decoded<ResponseHeader>>('ResponseHeader', version, true),
)

const apiVersionsKey = api('ApiVersions').key

function requestHeader(flexible: boolean): Codec<RequestHeader, Decoded<RequestHeader>> {
  return requestHeaders[flexible ? 1 : 0] as Codec<RequestHeader, Decoded<RequestHeader>>
}

/** An ApiVersions answer has the old header in every version, because the client does not know the broker yet. */
function responseHeader(key: number, flexible: boolean): Codec<ResponseHeader, Decoded<ResponseHeader>> {
  return responseHeaders[flexible && key !== apiVersionsKey ? 1 : 0] as Codec<ResponseHeader, Decoded<ResponseHeader>>
}

/** Writes a length of four bytes before what `body` writes. */
function framed(body: (writer: Writer) => void): Writer {
  const writer = new Writer()
  writer.int32(0)
  body(writer)
  writer.patchInt32(0, writer.size - 4)
  return writer
}

/** A whole frame, its length prefix included. Throws a `ProtocolError` when this version cannot say it. */
export function encodeRequest<N extends ApiName>(
  name: N,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: Requests[N],
): Buffer {
  return request(name, version, correlationId, clientId, body).finish()
}

/**
 * The same frame in pieces, to be sent one behind the other: large bytes in `body` (record batches) are not copied, so they must stay as
 * they are until they are sent.
 */
export function encodeRequestParts<N extends ApiName>(
  name: N,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: Requests[N],
): readonly Uint8Array[] {
  return request(name, version, correlationId, clientId, body).parts()
}

function request<N extends ApiName>(
  name: N,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: Requests[N],
): Writer {
  const { key } = api(name)
  const codec = api(name).request(version)
  return framed(writer => {
    const header = { requestApiKey: key, requestApiVersion: version, correlationId, clientId }
    requestHeader(codec.flexible).encode(writer, header)
    codec.encode(writer, body)
  })
}

/** Reads an answer from a frame without its length prefix. Bytes and records in it are views into the frame. */
export function decodeResponse<N extends ApiName>(name: N, version: number, frame: Buffer): Responses[N] {
  const called = api(name)
  const reader = new Reader(frame)
  responseHeader(called.key, called.response(version).flexible).decode(reader)
  return called.response(refusesVersion(called.key, frame) ? 0 : version).decode(reader)
}

/** A broker that lacks the version of an ApiVersions request answers in version 0 (KIP-511). */
function refusesVersion(key: number, frame: Buffer): boolean {
  return key === apiVersionsKey && frame.length >= 6 && frame.readInt16BE(4) === errorCodes.UNSUPPORTED_VERSION
}

/** The part of a request that is the same in all versions of all requests. */
export interface RequestHead {
  readonly key: number
  readonly version: number
  readonly correlationId: number
}

/** What a request asks for, told before it is known whether that API and version exist here. */
export function requestHead(frame: Buffer): RequestHead {
  const reader = new Reader(frame)
  return { key: reader.int16(), version: reader.int16(), correlationId: reader.int32() }
}

/** A request as a broker reads it; `name` tells the type of `body`. */
export type DecodedRequest = {
  [N in ApiName]: RequestHead & {
    readonly name: N
    readonly clientId: string | null
    readonly body: Decoded<Requests[N]>
  }
}[ApiName]

/** Reads a request from a frame without its length prefix; a `ProtocolError` when its API or version is not known here. */
export function decodeRequest(frame: Buffer, options: ReaderOptions = {}): DecodedRequest {
  const head = requestHead(frame)
  const found: Api<ApiName> | undefined = apiByKey(head.key)
  if (found === undefined) throw new ProtocolError(`no request has the API key ${head.key}`)
  const reader = new Reader(frame, 0, options)
  const codec = found.request(head.version)
  const { clientId } = requestHeader(codec.flexible).decode(reader)
  return { ...head, name: found.name, clientId, body: codec.decode(reader) } as DecodedRequest
}

/** A whole answer frame, its length prefix included; what is missing in `body` holds its default. */
export function encodeResponse<N extends ApiName>(
  name: N,
  version: number,
  correlationId: number,
  body: Encodable<Responses[N]>,
): Buffer {
  return response(name, version, correlationId, body).finish()
}

/**
 * The same frame in pieces, to be sent one behind the other: large bytes in `body` (record batches) are not copied, so they must stay as
 * they are until they are sent.
 */
export function encodeResponseParts<N extends ApiName>(
  name: N,
  version: number,
  correlationId: number,
  body: Encodable<Responses[N]>,
): readonly Uint8Array[] {
  return response(name, version, correlationId, body).parts()
}

function response<N extends ApiName>(
  name: N,
  version: number,
  correlationId: number,
  body: Encodable<Responses[N]>,
): Writer {
  const { key } = api(name)
  const codec = api(name).response(version)
  return framed(writer => {
    responseHeader(key, codec.flexible).encode(writer, { correlationId })
    codec.encode(writer, body)
  })
}
