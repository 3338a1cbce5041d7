import RobotInterface
import RobotPolicy

/// A request whose pictures and sound are to be decoded, on a thread beside the policy's.
package struct DecodingOrder: Sendable {
  /// What the request shows and plays.
  package enum Content: Sendable {
    case observation(Observation)
    case question(GenerationRequest)
  }

  /// Matches the result with the order; no job has the same.
  package var id: UInt64
  package var content: Content
}

/// Requests on their way to the policy that are not decoded yet.
///
/// A session has one that waits and one in work, of observations and of questions. What waits is displaced by a newer one, what is in
/// work is not: a robot that observes faster than its pictures can be decoded is served all the same.
struct DecodingStage: Sendable {
  struct InWork<Request: Sendable>: Sendable {
    var id: UInt64
    var waiting: ControlCore.Waiting<Request>
    /// `false` once answered, by a stop for example: the result is then dropped.
    var isWanted = true
  }

  var observations = NewestFirstQueue<String, ControlCore.Waiting<Observation>>()
  var questions = NewestFirstQueue<String, ControlCore.Waiting<GenerationRequest>>()
  var observationsInWork: [InWork<Observation>] = []
  var questionsInWork: [InWork<GenerationRequest>] = []
  /// The order in work whose size its sender chose. One at a time, so that threads are left for the cameras of robots.
  var largeOrder: UInt64?
  /// Whether the last such order was a question, which goes before robots when it has waited for long, but not twice in a row
  /// where a robot waits for such an order.
  var wasLastLargeQuestion = false

  /// Whether one of the session's observations is here.
  func hasObservation(of session: String) -> Bool {
    observations.contains(session) || observationsInWork.contains { $0.waiting.ticket.session == session }
  }

  /// Those of the session's observations that still want an answer, the newest last.
  func wantedObservations(of session: String) -> [Observation] {
    let inWork = observationsInWork.filter { $0.isWanted && $0.waiting.ticket.session == session }
    return inWork.map(\.waiting.request) + [observations.request(of: session)?.request].compactMap(\.self)
  }

  /// The first observation in line that may begin.
  mutating func takeObservation(
    except paused: Set<String>, where isEligible: (Observation) -> Bool
  ) -> ControlCore.Waiting<Observation>? {
    let busy = observationsInWork.map(\.waiting.ticket.session)
    return observations.next { session, waiting in
      !busy.contains(session) && !paused.contains(session) && isEligible(waiting.request)
    }
  }

  /// Whether an observation waits that may begin.
  func hasObservation(except paused: Set<String>, where isEligible: (Observation) -> Bool) -> Bool {
    let busy = observationsInWork.map(\.waiting.ticket.session)
    return observations.contains { session, waiting in
      !busy.contains(session) && !paused.contains(session) && isEligible(waiting.request)
    }
  }

  /// Whether a question waits that may begin.
  var hasQuestion: Bool {
    let busy = questionsInWork.map(\.waiting.ticket.session)
    return questions.contains { session, _ in !busy.contains(session) }
  }

  /// The first question in line that may begin.
  mutating func takeQuestion() -> ControlCore.Waiting<GenerationRequest>? {
    takeQuestion { _ in true }
  }

  /// The first question in line that may begin and meets a condition.
  mutating func takeQuestion(
    where isEligible: (ControlCore.Waiting<GenerationRequest>) -> Bool
  ) -> ControlCore.Waiting<GenerationRequest>? {
    let busy = questionsInWork.map(\.waiting.ticket.session)
    return questions.next { session, waiting in !busy.contains(session) && isEligible(waiting) }
  }
}

/// Decoding comes before the line for the policy, so that what takes long to decode keeps its own session waiting and no other.
extension ControlCore {
  /// Puts an observation in line: for its decoding, or for the policy where nothing is decoded ahead.
  mutating func lineUp(_ observation: Observation, _ ticket: Ticket, at now: UInt64) {
    lastTurn += 1
    var waiting = Waiting(ticket: ticket, request: observation, turn: lastTurn)
    guard decodesAhead else { return lineUp(waiting, at: now) }
    // The newer one takes the older one's turn.
    if let older = decoding.observations.request(of: ticket.session) { waiting.turn = older.turn }
    if let older = decoding.observations.offer(waiting, for: ticket.session) { supersede(older.ticket, at: now) }
  }

  /// Puts an observation in line for the policy, before those that came later and were decoded sooner.
  private mutating func lineUp(_ waiting: Waiting<Observation>, at now: UInt64) {
    var waiting = waiting
    let session = waiting.ticket.session
    if let older = observations.request(of: session) { waiting.turn = min(waiting.turn, older.turn) }
    let older = observations.offer(waiting, for: session) { $0.turn < $1.turn }
    if let older { supersede(older.ticket, at: now) }
  }

  /// Puts a question in line: for its decoding, or for the policy when it shows and plays nothing.
  mutating func lineUp(_ question: GenerationRequest, _ ticket: Ticket, at now: UInt64) {
    let waiting = Waiting(ticket: ticket, request: question)
    let isDecoded = question.images.isEmpty && question.audio.isEmpty
    let older =
      isDecoded
      ? generations.offer(waiting, for: ticket.session) : decoding.questions.offer(waiting, for: ticket.session)
    if let older { answer(older.ticket, .error(Self.superseded), at: now) }
  }

  /// Whether an observation of the session waits for its decoding, that of this request.
  package func hasUndecoded(_ requestID: UInt64, of session: String) -> Bool {
    decoding.observations.request(of: session)?.ticket.requestID == requestID
  }

  /// The next request to decode, when one waits that may begin: observations of the usual size in the order of the line, then larger
  /// ones, then questions. A question that has waited for ``questionPatience`` goes before all of them, as one of two such orders; the
  /// other threads go on with the observations of the usual size.
  package mutating func nextDecoding(at now: UInt64) -> DecodingOrder? {
    guard phase == .serving else { return nil }
    let takesLarge = decoding.largeOrder == nil, usualPixels = usualPixels, paused = paused(at: now)
    if takesLarge,
      !decoding.wasLastLargeQuestion || !decoding.hasObservation(except: paused, where: { $0.pixels > usualPixels }),
      let waiting = decoding.takeQuestion(where: { now &- $0.ticket.receivedAt >= Self.questionPatience })
    {
      return begin(waiting)
    }
    while let waiting = decoding.takeObservation(except: paused, where: { $0.pixels <= usualPixels })
      ?? (takesLarge ? decoding.takeObservation(except: paused, where: { _ in true }) : nil)
    {
      do throws(RobotError) { _ = try checkedAge(of: waiting.request, waiting.ticket, at: now) } catch {
        answer(waiting.ticket, .error(error), at: now)
        continue
      }
      lastJobID += 1
      if waiting.request.pixels > usualPixels {
        decoding.largeOrder = lastJobID
        decoding.wasLastLargeQuestion = false
      }
      decoding.observationsInWork.append(.init(id: lastJobID, waiting: waiting))
      return DecodingOrder(id: lastJobID, content: .observation(waiting.request))
    }
    guard takesLarge, let waiting = decoding.takeQuestion() else { return nil }
    return begin(waiting)
  }

  /// Whether a request waits that ``nextDecoding(at:)`` would begin with.
  func hasDecoding(at now: UInt64) -> Bool {
    let takesLarge = decoding.largeOrder == nil, usualPixels = usualPixels
    return decoding.hasObservation(except: paused(at: now)) { takesLarge || $0.pixels <= usualPixels }
      || takesLarge && decoding.hasQuestion
  }

  private mutating func begin(_ waiting: Waiting<GenerationRequest>) -> DecodingOrder {
    lastJobID += 1
    decoding.largeOrder = lastJobID
    decoding.wasLastLargeQuestion = true
    decoding.questionsInWork.append(.init(id: lastJobID, waiting: waiting))
    return DecodingOrder(id: lastJobID, content: .question(waiting.request))
  }

  /// Takes in what came of an order; an observation that cannot be read is refused by the policy, in its turn.
  package mutating func finishDecoding(_ id: UInt64, _ result: Result<PreparedInput, RobotError>, at now: UInt64) {
    if decoding.largeOrder == id { decoding.largeOrder = nil }
    if let place = decoding.observationsInWork.firstIndex(where: { $0.id == id }) {
      var done = decoding.observationsInWork.remove(at: place)
      guard done.isWanted else { return }
      done.waiting.prepared = try? result.get()
      lineUp(done.waiting, at: now)
    }
    if let place = decoding.questionsInWork.firstIndex(where: { $0.id == id }) {
      var done = decoding.questionsInWork.remove(at: place)
      guard done.isWanted else { return }
      do throws(RobotError) { done.waiting.prepared = try result.get() } catch {
        return answer(done.waiting.ticket, .error(error), at: now)
      }
      if let older = generations.offer(done.waiting, for: done.waiting.ticket.session) {
        answer(older.ticket, .error(Self.superseded), at: now)
      }
    }
  }

  /// Takes the session's observations out of the stage.
  ///
  /// - Returns: who is to be answered.
  mutating func withdrawObservations(of session: String) -> [Ticket] {
    var tickets: [Ticket] = []
    if let waiting = decoding.observations.remove(session) { tickets.append(waiting.ticket) }
    for place in decoding.observationsInWork.indices {
      let order = decoding.observationsInWork[place]
      guard order.isWanted, order.waiting.ticket.session == session else { continue }
      decoding.observationsInWork[place].isWanted = false
      cancellations.append(order.id)
      tickets.append(order.waiting.ticket)
    }
    return tickets
  }

  /// Takes a question of the session that waits, or is being decoded, out of its place.
  ///
  /// - Returns: who is to be answered; `nil` when there is no such question.
  mutating func withdrawQuestion(of session: String, where matches: (Ticket) -> Bool) -> Ticket? {
    if let ticket = generations.request(of: session)?.ticket, matches(ticket) {
      return generations.remove(session)?.ticket
    }
    if let ticket = decoding.questions.request(of: session)?.ticket, matches(ticket) {
      return decoding.questions.remove(session)?.ticket
    }
    for place in decoding.questionsInWork.indices {
      let order = decoding.questionsInWork[place], ticket = order.waiting.ticket
      guard order.isWanted, ticket.session == session, matches(ticket) else { continue }
      decoding.questionsInWork[place].isWanted = false
      cancellations.append(order.id)
      return ticket
    }
    return nil
  }

  /// Takes everything out of the stage.
  ///
  /// - Returns: who is to be answered.
  mutating func withdrawAll() -> [Ticket] {
    var tickets: [Ticket] = []
    while let (_, waiting) = decoding.observations.next() { tickets.append(waiting.ticket) }
    while let (_, waiting) = decoding.questions.next() { tickets.append(waiting.ticket) }
    tickets += decoding.observationsInWork.filter(\.isWanted).map(\.waiting.ticket)
    tickets += decoding.questionsInWork.filter(\.isWanted).map(\.waiting.ticket)
    cancellations += decoding.observationsInWork.map(\.id) + decoding.questionsInWork.map(\.id)
    decoding = DecodingStage()
    return tickets
  }

  /// Questions that wait for the policy or for their decoding, or are being decoded.
  var waitingQuestions: Int { generations.count + decoding.questions.count + decoding.questionsInWork.count }

  /// Whether the session has a question among them.
  func hasQuestion(_ session: String) -> Bool {
    generations.contains(session) || decoding.questions.contains(session)
      || decoding.questionsInWork.contains { $0.waiting.ticket.session == session }
  }
}

extension Observation {
  /// Of all its pictures, as they are declared; a file of another size is refused before it is decoded.
  fileprivate var pixels: Int { (frames + promptImages).reduce(0) { $0 + $1.width * $1.height } }
}
