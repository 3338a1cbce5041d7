import Faults
import MessagePack
import RobotInterface
import RunDatabase
import Tensors
import Testing

@Suite("The one error type") struct FaultTests {
  @Test func `a line names the kind, the thing at fault and what to do`() {
    #expect(
      TensorError(.missingTensor, "a.scale", "expected in the checkpoint").description
        == "missing_tensor: a.scale: expected in the checkpoint")
    #expect(
      RobotError(.frozenCamera, "observation.frames[0]", "look").description
        == "frozen_camera: observation.frames[0]: look")
    #expect(MessagePackError(.truncated, "", "the bytes end").description == "truncated: the bytes end")
    #expect(
      RunDatabaseError(.exists, "run.db", "there is a run already").description == "run.db: there is a run already")
  }

  @Test func `the same fault in the words of another domain keeps what is at fault`() {
    let file = MessagePackError(.tooLarge, "payload", "expected at most 5")
    let robot = RobotError(file, as: .malformed)
    #expect(robot == RobotError(.malformed, "payload", "expected at most 5"))
  }

  @Test func `names are the wire's, each once`() {
    let names = RobotError.Code.allCases.map(\.name)
    #expect(Set(names).count == names.count && names.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "_" } })
    #expect(RobotError.Code.notOwner.name == "not_owner" && RunDatabaseError.Code.notARun.name == "not_a_run")
  }
}
