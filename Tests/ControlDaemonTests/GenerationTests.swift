import ControlDaemon
import RobotInterface
import RobotLink
import Testing

@Suite("A policy that can talk answers people too")
struct GenerationTests {
  @Test func `a question and its answer`() throws {
    let daemon = try RunningDaemon(TalkingPolicy())
    defer { daemon.stop() }
    let person = try daemon.client("person")
    let answer = try person.generate(GenerationRequest(prompt: "cup"))
    #expect(answer.text == "a cup")
    #expect(answer.timings[.queue] > 0)
    #expect(
      refusal { () throws(ClientError) in try person.generate(GenerationRequest(prompt: "hush")) }?.code
        == .invalidInstruction)
    _ = try daemon.client("arm").act(on: .sample(1))
    #expect(daemon.daemon.metrics.generations == 1)
    #expect(daemon.daemon.metrics.sessions == 1)
  }

  @Test func `a stopped robot's session may still be asked`() throws {
    let daemon = try RunningDaemon(TalkingPolicy())
    defer { daemon.stop() }
    let client = try daemon.client()
    try client.stop(reason: "")
    #expect(try client.generate(GenerationRequest(prompt: "cup")).text == "a cup")
  }
}
