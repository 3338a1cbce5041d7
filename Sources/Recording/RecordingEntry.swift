import RobotInterface

/// One thing to be recorded, with its time on the daemon's clock.
enum RecordingEntry: Sendable {
  case request(RequestMessage, bytes: [UInt8]?, time: UInt64)
  case reply(ReplyMessage, bytes: [UInt8]?, isDelivered: Bool)
  case episode(EpisodeMark, time: UInt64)
  case losses(RecordingLosses)

  var time: UInt64 {
    switch self {
    case .request(_, _, let time), .episode(_, let time): time
    case .reply(let reply, _, _): reply.sentAt
    case .losses(let losses): losses.until
    }
  }
}
