import Foundation
import MCAP
import TestSupport
import Testing

@Suite struct MCAPTests {
  @Test func theChecksumIsThatOfZip() {
    #expect(CRC32.of([UInt8]("123456789".utf8)) == 0xCBF4_3926)
    let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    var pieces = CRC32()
    for start in stride(from: 0, to: bytes.count, by: 13) { pieces.update(bytes[start..<min(start + 13, bytes.count)]) }
    #expect(pieces.value == CRC32.of(bytes))
  }

  @Test(arguments: [true, false])
  func whatIsWrittenIsRead(compresses: Bool) throws {
    let file = try SampleFile(compresses: compresses)
    let reading = try Reading(file.bytes)
    #expect(reading.messages == file.messages)
    #expect(reading.topics.filter { $0 == "/b" }.count == 4)
    #expect(reading.metadata == ["about": ["key": "value"]])
    #expect(reading.ending == .whole)
  }

  @Test(arguments: [true, false])
  func aFileThatIsCutAtAnyByteOpensUpToTheCut(compresses: Bool) throws {
    let file = try SampleFile(compresses: compresses)
    for end in 0..<file.bytes.count {
      let reading = try Reading(Array(file.bytes[..<end]))
      let survivors = file.flushed.last { $0.bytes <= end }?.messages ?? 0
      #expect(reading.messages.count >= survivors, "cut at \(end)")
      #expect(reading.messages == Array(file.messages.prefix(reading.messages.count)), "cut at \(end)")
      #expect(reading.ending != .whole && reading.ending != nil, "cut at \(end)")
    }
  }

  @Test(arguments: [true, false])
  func whatFollowsTheEndIsNoPartOfTheFile(compresses: Bool) throws {
    let file = try SampleFile(compresses: compresses)
    for more in [[0], [UInt8](repeating: 0, count: 1_000), file.bytes, Array("text".utf8)] {
      let reading = try Reading(file.bytes + more)
      #expect(reading.messages == file.messages)
      #expect(reading.ending == .followed(at: UInt64(file.bytes.count)))
    }
  }

  @Test(arguments: [true, false])
  func changedFilesAreErrorsAndNothingWorse(compresses: Bool) throws {
    let file = try SampleFile(chunks: 2, compresses: compresses)
    var generator = SeededGenerator(seed: compresses ? 1 : 2)
    var limits = MCAPReader<MemorySource>.Limits()
    limits.recordBytes = 1 << 20
    var refused = 0
    for _ in 0..<20_000 {
      do throws(MCAPError) {
        let reading = try Reading(generator.mutated(file.bytes), limits: limits)
        #expect(reading.ending != nil)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 5_000)
  }

  @Test func aChangedMessageIsNotPassedOn() throws {
    let file = try SampleFile(compresses: false)
    let needle = [UInt8](repeating: 6, count: 30)
    let place = try #require(file.bytes.indices.first { file.bytes[$0...].starts(with: needle) })
    var bytes = file.bytes
    bytes[place] = 7
    let error = #expect(throws: MCAPError.self) { try Reading(bytes) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("checksum") == true)
  }

  @Test func sizesAreNotBelieved() throws {
    var limits = MCAPReader<MemorySource>.Limits()
    limits.recordBytes = 40
    let error = #expect(throws: MCAPError.self) { try Reading(SampleFile().bytes, limits: limits) }
    #expect(error?.code == .tooLarge)
  }

  @Test func otherFilesAreRefused() {
    let error = #expect(throws: MCAPError.self) { try Reading([UInt8]("PK, not MCAP".utf8)) }
    #expect(error?.code == .malformed)
  }

  @Test func aPictureThatStandsTwiceCostsOnce() throws {
    var generator = SeededGenerator(seed: 3)
    let picture = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    func size(copies: Int) throws -> Int {
      let sink = MemorySink()
      var writer = try MCAPWriter(to: sink, library: "test")
      let channel = try writer.add(MCAPChannel(topic: "/a", messageEncoding: "", schema: nil))
      for number in 0..<copies {
        try writer.write(MCAPMessage(logTime: UInt64(number), data: [UInt8(number)] + picture), to: channel)
      }
      try writer.close()
      return sink.bytes.count
    }
    #expect(try Double(size(copies: 2)) < 1.01 * Double(size(copies: 1)))
  }

  @Test func aSinkThatFailsIsAnError() throws {
    let sink = MemorySink(limit: 100)
    var writer = try MCAPWriter(to: sink, library: "test")
    let channel = try writer.add(MCAPChannel(topic: "/a", messageEncoding: "", schema: nil))
    try writer.write(MCAPMessage(logTime: 1, data: [UInt8](0...255)), to: channel)
    #expect(throws: MCAPError(.unwritable, "memory", "full")) { try writer.flush() }
  }

  @Test func whatIsNoFileIsSaid() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: MCAPError.self) { try FileSource(folder.path) }
      #expect(error?.code == .unreadable)
      #expect(throws: MCAPError.self) { try FileSource(folder.appending(path: "nothing").path) }
    }
  }
}
