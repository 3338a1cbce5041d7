import AccessKeys
import RobotInterface
import WebServer

/// Who may come in over HTTP: holders of a token, where the daemon has keys.
struct TokenGate: Sendable {
  /// `nil`: nobody is authenticated.
  let keys: KeyRing?

  /// The answer to a request without a token that is somebody's; `nil`: it may come in.
  func refusal(of request: WebRequest) -> WebResponse? {
    guard let keys else { return nil }
    switch keys.holder(authorization: request.header("Authorization")) {
    case .success: return nil
    case .failure(let rejection):
      keys.refuse(rejection.refusal, request.peer)
      return WebResponse(
        status: 401, "expected Authorization: Bearer TOKEN, with the token of a key (uio2 keys token FILE)\n",
        headers: [WebRequest.Header("WWW-Authenticate", "Bearer")])
    }
  }

  /// Who opens a websocket; `nil` where nobody is authenticated, or the key has gone since it was let in.
  func holder(of request: WebRequest) -> KeyFolder.Holder? {
    try? keys?.holder(authorization: request.header("Authorization")).get()
  }

  /// Whether somebody who was let in still is.
  func admits(_ holder: KeyFolder.Holder?) -> Bool {
    guard let keys else { return true }
    return holder.map { keys.holder(ofKey: $0.publicKey.text) != nil } ?? false
  }

  /// What the holder's key permits by now.
  func identity(of holder: KeyFolder.Holder?) -> PeerIdentity? {
    holder.flatMap { keys?.holder(ofKey: $0.publicKey.text) ?? $0.identity }
  }
}
