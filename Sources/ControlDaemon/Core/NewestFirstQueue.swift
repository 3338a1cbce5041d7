/// Which request the policy works on next: the newest of each session, the sessions in turn.
///
/// A robot wants to act on what it sees now, so a session has one place, and a newer request takes it from an older one.
/// It takes the older one's turn too: were it sent to the back of the line, a robot that observes faster than the line
/// moves would never be served. After it was served, a session lines up behind everyone who waits already.
package struct NewestFirstQueue<Session: Hashable & Sendable, Request: Sendable>: Sendable {
  private var line: [Session] = []
  private var waiting: [Session: Request] = [:]

  /// An empty queue.
  package init() {}

  /// The sessions in line.
  package var sessions: [Session] { line }

  /// How many requests wait, at most one a session.
  package var count: Int { line.count }

  /// The request of `session` that waits, if one does.
  package func request(of session: Session) -> Request? { waiting[session] }

  /// Whether a request of `session` waits.
  package func contains(_ session: Session) -> Bool { waiting[session] != nil }

  /// The request whose session has waited for its turn the longest.
  package var first: Request? { line.first.flatMap { waiting[$0] } }

  /// Whether a request that is eligible waits.
  package func contains(where isEligible: (Session, Request) -> Bool) -> Bool {
    line.contains { session in waiting[session].map { isEligible(session, $0) } ?? false }
  }

  /// Puts `request` in the place of `session`.
  ///
  /// - Parameter precedes: whether a request that has no place yet goes before another one; `nil`: it goes to the end.
  /// - Returns: the older request that has lost its place, which someone must now answer.
  package mutating func offer(
    _ request: Request, for session: Session, before precedes: ((Request, Request) -> Bool)? = nil
  ) -> Request? {
    if let displaced = waiting.updateValue(request, forKey: session) { return displaced }
    let place = line.firstIndex { other in waiting[other].flatMap { precedes?(request, $0) } ?? false }
    line.insert(session, at: place ?? line.endIndex)
    return nil
  }

  /// Takes the request whose session has waited for its turn the longest.
  package mutating func next() -> (session: Session, request: Request)? {
    while !line.isEmpty {
      let session = line.removeFirst()
      if let request = waiting.removeValue(forKey: session) { return (session, request) }
    }
    return nil
  }

  /// Takes the first request in line that is eligible.
  package mutating func next(where isEligible: (Session, Request) -> Bool) -> Request? {
    guard let session = line.first(where: { session in waiting[session].map { isEligible(session, $0) } ?? false })
    else { return nil }
    return remove(session)
  }

  /// Takes the request of `session` out of the line.
  package mutating func remove(_ session: Session) -> Request? {
    guard let request = waiting.removeValue(forKey: session) else { return nil }
    line.removeAll { $0 == session }
    return request
  }
}
