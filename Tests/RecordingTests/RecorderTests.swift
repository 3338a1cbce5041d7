import ControlDaemon
import Files
import Foundation
import MCAP
import Recording
import RobotInterface
import ProtobufCodec
import RobotLink
import TestSupport
import Testing

@Suite struct RecorderTests {
  private static let facts = RecordingFacts(policyName: "remembering", policyDigest: "00")

  private func recorder(_ folder: URL) throws -> (Recorder, String) {
    let path = folder.appending(path: "new/a.mcap").path
    return (try Recorder(path, facts: Self.facts, logger: silence), path)
  }

  @Test func everyRequestAndReplyIsThereInOrder() throws {
    try withTemporaryFolder { folder in
      let (recorder, path) = try recorder(folder)
      let daemon = try RecordedDaemon(RememberingPolicy(), recorder)
      let client = try daemon.client("arm 1")
      _ = try client.reset()
      recorder.mark(EpisodeMark(.began, session: "arm 1", task: "push", seed: 7))
      let chunk = try client.act(on: .sample(1))
      _ = try client.stop(reason: "door open")
      daemon.stop()
      let summary = recorder.close()
      #expect(summary.lost == 0 && summary.failure == nil && summary.bytes > 0)

      let found = try entries(of: path)
      #expect(found.map(\.time) == found.map(\.time).sorted())
      var words: [String] = []
      for entry in found {
        switch entry.content {
        case .request(let request):
          switch request.body {
          case .hello: words.append("hello?")
          case .reset: words.append("reset?")
          case .observation(let observation):
            words.append("observation?")
            #expect(observation.frames == Observation.sample(1).frames)
          case .stop(let reason): words.append("stop? " + reason)
          default: words.append("?")
          }
        case .reply(let reply, let isDelivered):
          #expect(isDelivered)
          switch reply.body {
          case .capabilities: words.append("capabilities")
          case .acknowledgement(let stopped): words.append("stopped \(stopped)")
          case .actionChunk(let recorded):
            words.append("chunk")
            #expect(recorded == chunk)
          default: words.append("other")
          }
        case .episode(let mark): words.append("\(mark.event) \(mark.task) \(mark.seed)")
        case .losses: words.append("losses")
        }
      }
      #expect(
        words.filter { $0 != "began push 7" } == [
          "hello?", "capabilities", "reset?", "stopped false", "observation?", "chunk", "stop? door open",
          "stopped true",
        ])
      #expect(words.contains("began push 7"))
    }
  }

  @Test func viewersFindPicturesStatesPosesAndTheLog() throws {
    try withTemporaryFolder { folder in
      let (recorder, path) = try recorder(folder)
      let daemon = try RecordedDaemon(RememberingPolicy(), recorder)
      _ = try daemon.client("arm 1").act(on: .sample(1))
      daemon.stop()
      recorder.close()
      var reader = try MCAPReader(FileSource(path))
      var topics: [String: String] = [:]
      while let item = try reader.next() {
        if case .message(_, let channel) = item { topics[channel.topic] = channel.schema?.name }
      }
      #expect(
        topics == [
          "/uio2/request": "uio2.v1.Request", "/uio2/reply": "uio2.v1.Reply", "/log": "foxglove.Log",
          "/arm_1/front": "foxglove.RawImage", "/arm_1/state": "foxglove.JointStates",
          "/arm_1/pose": "foxglove.PoseInFrame", "/arm_1/command": "uio2.Command",
        ])
      #expect(reader.ending == .whole)
    }
  }

  @Test func noTokenIsInTheFile() throws {
    try withTemporaryFolder { folder in
      let sink = HeldSink()
      let secret = SessionToken()
      var owner: [UInt8] = []
      let recorder = Recorder(
        "memory", to: sink, facts: Self.facts, operatorToken: secret.bytes, logger: silence)
      let daemon = try RecordedDaemon(RememberingPolicy(), recorder, operatorToken: secret)
      let client = try daemon.client("arm")
      owner = client.sessionToken
      _ = try client.act(on: .sample(1))
      daemon.stop()
      recorder.close()
      var reader = try MCAPReader(MemorySource(sink.bytes))
      var tokens: Set<[UInt8]> = []
      while let item = try reader.next() {
        guard case .message(let message, let channel) = item, channel.topic == "/uio2/request" else { continue }
        let request = try RequestMessage(decoding: message.data)
        #expect(!message.data.contains(owner) && !message.data.contains(secret.bytes))
        tokens.insert(request.sessionToken)
      }
      // The same one each time, so that an owner can still be told from a stranger.
      #expect(tokens.count == 1 && tokens.first?.count == owner.count)
    }
  }

  @Test func aSlowDiskHoldsNobodyUpAndLossesAreCountedInTheFile() throws {
    let sink = HeldSink()
    var options = Recorder.Options()
    options.queueMessages = 8
    options.flushInterval = .milliseconds(1)
    let recorder = Recorder("memory", to: sink, facts: Self.facts, options: options, logger: silence)
    let daemon = try RecordedDaemon(RememberingPolicy(), recorder)
    let client = try daemon.client("arm")
    sink.hold()
    var sequence: UInt64 = 0
    func act() throws {
      sequence += 1
      _ = try client.act(on: .sample(sequence))
    }
    // Until the writer is stuck, and then more than the queue holds.
    try act()
    #expect(sink.isWaiting())
    for _ in 0..<20 { try act() }
    let lost = recorder.summary.lost
    #expect(lost > 0)
    sink.letGo()
    try act()
    daemon.stop()
    let summary = recorder.close()
    #expect(summary.lost >= lost)
    var reader = try MCAPReader(MemorySource(sink.bytes))
    var counted = 0
    while let item = try reader.next() {
      guard case .message(let message, let channel) = item, channel.topic == "/uio2/losses" else { continue }
      let losses = try JSONDecoder().decode(RecordingLosses.self, from: Data(message.data))
      #expect(losses.reason == .queueFull && losses.bytes > 0 && losses.since <= losses.until)
      counted += losses.messages
    }
    #expect(counted == summary.lost)
  }

  @Test func aDiskThatIsNearlyFullEndsTheRecordingAndNotTheDaemon() throws {
    let sink = HeldSink()
    var options = Recorder.Options()
    options.flushInterval = .milliseconds(1)
    let recorder = Recorder(
      "memory", to: sink, facts: Self.facts, options: options, logger: silence, freeSpace: { 1 << 20 })
    let daemon = try RecordedDaemon(RememberingPolicy(), recorder)
    let client = try daemon.client("arm")
    let limit = ContinuousClock.now + .seconds(20)
    while recorder.summary.failure == nil, ContinuousClock.now < limit { usleep(1_000) }
    _ = try client.act(on: .sample(1))
    daemon.stop()
    let summary = recorder.close()
    #expect(summary.failure == "less than 256 MiB are left on the disk")
    #expect(summary.lost >= 2)
    var reader = try MCAPReader(MemorySource(sink.bytes))
    var reasons: [RecordingLosses.Reason] = []
    while let item = try reader.next() {
      guard case .message(let message, let channel) = item, channel.topic == "/uio2/losses" else { continue }
      reasons.append(try JSONDecoder().decode(RecordingLosses.self, from: Data(message.data)).reason)
    }
    #expect(reasons == [.diskFull])
    #expect(reader.ending == .whole)
  }

  @Test(arguments: ["removed", "replaced", "cut"])
  func `a file that is taken away while it is recorded is said, and what is there instead stays`(how: String) throws {
    try withTemporaryFolder { folder in
      let (recorder, path) = try recorder(folder)
      let daemon = try RecordedDaemon(RememberingPolicy(), recorder)
      let client = try daemon.client("arm")
      _ = try client.act(on: .sample(1))
      #expect(eventually { recorder.summary.bytes > 0 })
      switch how {
      case "cut": truncate(path, 8)
      case "removed": unlink(path)
      default:
        unlink(path)
        try Data("precious".utf8).write(to: URL(filePath: path))
      }
      _ = try client.act(on: .sample(2))
      #expect(
        eventually {
          recorder.summary.failure?.contains(how == "cut" ? "was cut to 8 bytes" : "was removed or replaced") == true
        })
      daemon.stop()
      #expect(recorder.close().failure != nil)
      if how == "replaced" { #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious") }
      if how == "removed" { #expect(!FileManager.default.fileExists(atPath: path)) }
    }
  }

  private func eventually(_ condition: () -> Bool) -> Bool {
    let limit = ContinuousClock.now + .seconds(20)
    while !condition() {
      guard ContinuousClock.now < limit else { return false }
      usleep(1_000)
    }
    return true
  }

  @Test func aRecordingReplacesNothing() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.mcap")
      try Data("precious".utf8).write(to: file)
      let error = #expect(throws: FileError.self) { try Recorder.check(file.path) }
      #expect(error?.code == .unwritable)
      #expect(throws: FileError.self) { try Recorder(file.path, facts: Self.facts, logger: silence) }
      #expect(try String(contentsOf: file, encoding: .utf8) == "precious")
    }
  }

  @Test func aRecordingOfNothingLeavesNoFile() throws {
    try withTemporaryFolder { folder in
      let (recorder, path) = try recorder(folder)
      recorder.close()
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }

  @Test func aRecordingOfNothingLeavesNoFolderOfItsOwn() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "one/two/a.mcap")
      for isShared in [false, true] {
        let recorder = try Recorder(file.path, facts: Self.facts, logger: silence)
        if isShared { try Data().write(to: folder.appending(path: "one/others")) }
        recorder.close()
        #expect(FileManager.default.fileExists(atPath: folder.appending(path: "one").path) == isShared)
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "one/two").path))
      }
    }
  }
}
