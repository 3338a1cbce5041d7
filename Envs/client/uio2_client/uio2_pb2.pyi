from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

AUDIO_ENCODING_FILE: AudioEncoding
AUDIO_ENCODING_PCM16: AudioEncoding
AUDIO_ENCODING_UNSPECIFIED: AudioEncoding
DESCRIPTOR: _descriptor.FileDescriptor
ERROR_CODE_FROZEN_CAMERA: ErrorCode
ERROR_CODE_INTERNAL: ErrorCode
ERROR_CODE_INVALID_ACTION: ErrorCode
ERROR_CODE_INVALID_AUDIO: ErrorCode
ERROR_CODE_INVALID_IMAGE: ErrorCode
ERROR_CODE_INVALID_INSTRUCTION: ErrorCode
ERROR_CODE_INVALID_PROPRIOCEPTION: ErrorCode
ERROR_CODE_INVALID_SESSION: ErrorCode
ERROR_CODE_MALFORMED: ErrorCode
ERROR_CODE_MISSING_CAMERA: ErrorCode
ERROR_CODE_NOT_OWNER: ErrorCode
ERROR_CODE_OUT_OF_ORDER: ErrorCode
ERROR_CODE_OVERLOADED: ErrorCode
ERROR_CODE_SHUTTING_DOWN: ErrorCode
ERROR_CODE_STALE_OBSERVATION: ErrorCode
ERROR_CODE_STOPPED: ErrorCode
ERROR_CODE_SUPERSEDED: ErrorCode
ERROR_CODE_TOO_LARGE: ErrorCode
ERROR_CODE_UNKNOWN_CAMERA: ErrorCode
ERROR_CODE_UNKNOWN_INSTRUCTION: ErrorCode
ERROR_CODE_UNKNOWN_REQUEST: ErrorCode
ERROR_CODE_UNSPECIFIED: ErrorCode
ERROR_CODE_UNSUPPORTED: ErrorCode
ERROR_CODE_UNSUPPORTED_VERSION: ErrorCode
IMAGE_ENCODING_JPEG: ImageEncoding
IMAGE_ENCODING_PNG: ImageEncoding
IMAGE_ENCODING_RGB8: ImageEncoding
IMAGE_ENCODING_UNSPECIFIED: ImageEncoding
LIMIT_FLAG_JUMP: LimitFlag
LIMIT_FLAG_NONE: LimitFlag
LIMIT_FLAG_POSITION: LimitFlag
LIMIT_FLAG_RANGE: LimitFlag
LIMIT_FLAG_RATE: LimitFlag
LIMIT_FLAG_ROTATION_RATE: LimitFlag
LIMIT_FLAG_SPEED: LimitFlag
LIMIT_FLAG_WORKSPACE: LimitFlag
MODALITY_AUDIO: Modality
MODALITY_IMAGE: Modality
MODALITY_TEXT: Modality
ROBOT_CLOCK_MONOTONIC: RobotClock
ROBOT_CLOCK_SIMULATED: RobotClock
STAGE_DECODE: Stage
STAGE_ENCODE: Stage
STAGE_GENERATE: Stage
STAGE_POST: Stage
STAGE_PREPROCESS: Stage
STAGE_QUEUE: Stage
STAGE_UNSPECIFIED: Stage
STAGE_VISION: Stage

class Acknowledgement(_message.Message):
    __slots__ = ["stopped"]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    stopped: bool
    def __init__(self, stopped: bool = ...) -> None: ...

class Action(_message.Message):
    __slots__ = ["limited", "primitive", "values"]
    LIMITED_FIELD_NUMBER: _ClassVar[int]
    PRIMITIVE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    limited: int
    primitive: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, values: _Optional[_Iterable[float]] = ..., limited: _Optional[int] = ..., primitive: _Optional[str] = ...) -> None: ...

class ActionChunk(_message.Message):
    __slots__ = ["actions", "captured_at", "confidence", "observation_age", "observation_sequence", "policy_digest", "text", "timings", "tokens", "valid_until"]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_AGE_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    POLICY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    actions: _containers.RepeatedCompositeFieldContainer[Action]
    captured_at: int
    confidence: float
    observation_age: int
    observation_sequence: int
    policy_digest: str
    text: str
    timings: _containers.RepeatedCompositeFieldContainer[StageTiming]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    valid_until: int
    def __init__(self, observation_sequence: _Optional[int] = ..., captured_at: _Optional[int] = ..., valid_until: _Optional[int] = ..., actions: _Optional[_Iterable[_Union[Action, _Mapping]]] = ..., tokens: _Optional[_Iterable[int]] = ..., text: _Optional[str] = ..., confidence: _Optional[float] = ..., timings: _Optional[_Iterable[_Union[StageTiming, _Mapping]]] = ..., policy_digest: _Optional[str] = ..., observation_age: _Optional[int] = ...) -> None: ...

class AudioClip(_message.Message):
    __slots__ = ["data", "encoding"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    encoding: AudioEncoding
    def __init__(self, encoding: _Optional[_Union[AudioEncoding, str]] = ..., data: _Optional[bytes] = ...) -> None: ...

class AudioSpecification(_message.Message):
    __slots__ = ["maximum_duration", "name", "replaces_instruction"]
    MAXIMUM_DURATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPLACES_INSTRUCTION_FIELD_NUMBER: _ClassVar[int]
    maximum_duration: float
    name: str
    replaces_instruction: bool
    def __init__(self, name: _Optional[str] = ..., maximum_duration: _Optional[float] = ..., replaces_instruction: bool = ...) -> None: ...

class Box(_message.Message):
    __slots__ = ["maximum_x", "maximum_y", "minimum_x", "minimum_y"]
    MAXIMUM_X_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_Y_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_X_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_Y_FIELD_NUMBER: _ClassVar[int]
    maximum_x: float
    maximum_y: float
    minimum_x: float
    minimum_y: float
    def __init__(self, minimum_x: _Optional[float] = ..., minimum_y: _Optional[float] = ..., maximum_x: _Optional[float] = ..., maximum_y: _Optional[float] = ...) -> None: ...

class CameraFrame(_message.Message):
    __slots__ = ["camera", "captured_at", "data", "encoding", "height", "width"]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    camera: str
    captured_at: int
    data: bytes
    encoding: ImageEncoding
    height: int
    width: int
    def __init__(self, camera: _Optional[str] = ..., encoding: _Optional[_Union[ImageEncoding, str]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., data: _Optional[bytes] = ..., captured_at: _Optional[int] = ...) -> None: ...

class CameraSpecification(_message.Message):
    __slots__ = ["height", "input", "name", "vertical_field_of_view", "width"]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERTICAL_FIELD_OF_VIEW_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    height: int
    input: str
    name: str
    vertical_field_of_view: float
    width: int
    def __init__(self, name: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., vertical_field_of_view: _Optional[float] = ..., input: _Optional[str] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ["request_id"]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    def __init__(self, request_id: _Optional[int] = ...) -> None: ...

class Capabilities(_message.Message):
    __slots__ = ["action_frame", "action_mode", "actions", "activations", "audio", "cameras", "chunk_length", "control_rate", "deadline", "hold", "instructions", "limits", "policy_digest", "policy_name", "proprioception", "server_version", "session_token", "unlimited", "unlimited_dimensions", "weights"]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FRAME_FIELD_NUMBER: _ClassVar[int]
    ACTION_MODE_FIELD_NUMBER: _ClassVar[int]
    ACTIVATIONS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    CHUNK_LENGTH_FIELD_NUMBER: _ClassVar[int]
    CONTROL_RATE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTIONS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    POLICY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    PROPRIOCEPTION_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    SESSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNLIMITED_DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    UNLIMITED_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    action_frame: str
    action_mode: str
    actions: _containers.RepeatedCompositeFieldContainer[QuantitySpecification]
    activations: str
    audio: AudioSpecification
    cameras: _containers.RepeatedCompositeFieldContainer[CameraSpecification]
    chunk_length: int
    control_rate: float
    deadline: int
    hold: str
    instructions: _containers.RepeatedScalarFieldContainer[str]
    limits: Limits
    policy_digest: str
    policy_name: str
    proprioception: _containers.RepeatedCompositeFieldContainer[QuantitySpecification]
    server_version: str
    session_token: bytes
    unlimited: bool
    unlimited_dimensions: _containers.RepeatedScalarFieldContainer[str]
    weights: str
    def __init__(self, policy_name: _Optional[str] = ..., policy_digest: _Optional[str] = ..., server_version: _Optional[str] = ..., cameras: _Optional[_Iterable[_Union[CameraSpecification, _Mapping]]] = ..., proprioception: _Optional[_Iterable[_Union[QuantitySpecification, _Mapping]]] = ..., actions: _Optional[_Iterable[_Union[QuantitySpecification, _Mapping]]] = ..., action_frame: _Optional[str] = ..., action_mode: _Optional[str] = ..., hold: _Optional[str] = ..., chunk_length: _Optional[int] = ..., control_rate: _Optional[float] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., session_token: _Optional[bytes] = ..., instructions: _Optional[_Iterable[str]] = ..., unlimited: bool = ..., unlimited_dimensions: _Optional[_Iterable[str]] = ..., audio: _Optional[_Union[AudioSpecification, _Mapping]] = ..., weights: _Optional[str] = ..., activations: _Optional[str] = ..., deadline: _Optional[int] = ...) -> None: ...

class ClockEcho(_message.Message):
    __slots__ = ["reply_received_at", "reply_sent_at"]
    REPLY_RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    REPLY_SENT_AT_FIELD_NUMBER: _ClassVar[int]
    reply_received_at: int
    reply_sent_at: int
    def __init__(self, reply_sent_at: _Optional[int] = ..., reply_received_at: _Optional[int] = ...) -> None: ...

class DimensionLimits(_message.Message):
    __slots__ = ["maximum_jump", "maximum_rate", "name", "position"]
    MAXIMUM_JUMP_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_RATE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    maximum_jump: float
    maximum_rate: float
    name: str
    position: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, name: _Optional[str] = ..., position: _Optional[_Iterable[float]] = ..., maximum_rate: _Optional[float] = ..., maximum_jump: _Optional[float] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ["code", "field", "message"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: ErrorCode
    field: str
    message: str
    def __init__(self, code: _Optional[_Union[ErrorCode, str]] = ..., message: _Optional[str] = ..., field: _Optional[str] = ...) -> None: ...

class Generate(_message.Message):
    __slots__ = ["audio", "beams", "box", "guidance", "images", "maximum_tokens", "negative_prompt", "output", "progress_interval", "prompt", "seed", "temperature", "top_k", "top_p"]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    BEAMS_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_TOKENS_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_PROMPT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    audio: bytes
    beams: int
    box: Box
    guidance: float
    images: _containers.RepeatedCompositeFieldContainer[CameraFrame]
    maximum_tokens: int
    negative_prompt: str
    output: Modality
    progress_interval: int
    prompt: str
    seed: int
    temperature: float
    top_k: int
    top_p: float
    def __init__(self, prompt: _Optional[str] = ..., images: _Optional[_Iterable[_Union[CameraFrame, _Mapping]]] = ..., maximum_tokens: _Optional[int] = ..., temperature: _Optional[float] = ..., top_k: _Optional[int] = ..., top_p: _Optional[float] = ..., seed: _Optional[int] = ..., output: _Optional[_Union[Modality, str]] = ..., negative_prompt: _Optional[str] = ..., guidance: _Optional[float] = ..., audio: _Optional[bytes] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., beams: _Optional[int] = ..., progress_interval: _Optional[int] = ...) -> None: ...

class Generation(_message.Message):
    __slots__ = ["confidence", "finish_reason", "media", "media_type", "text", "timings", "tokens"]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    MEDIA_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    confidence: float
    finish_reason: str
    media: bytes
    media_type: str
    text: str
    timings: _containers.RepeatedCompositeFieldContainer[StageTiming]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, text: _Optional[str] = ..., tokens: _Optional[_Iterable[int]] = ..., finish_reason: _Optional[str] = ..., timings: _Optional[_Iterable[_Union[StageTiming, _Mapping]]] = ..., media: _Optional[bytes] = ..., media_type: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["client_name", "client_version", "sent_at"]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    CLIENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    client_version: str
    sent_at: int
    def __init__(self, client_name: _Optional[str] = ..., client_version: _Optional[str] = ..., sent_at: _Optional[int] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ["dimensions", "frozen_camera_timeout", "maximum_jump", "maximum_message_bytes", "maximum_observation_age", "maximum_rotation_rate", "maximum_speed", "workspace_maximum", "workspace_minimum"]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    FROZEN_CAMERA_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_JUMP_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_OBSERVATION_AGE_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_ROTATION_RATE_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_SPEED_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_MINIMUM_FIELD_NUMBER: _ClassVar[int]
    dimensions: _containers.RepeatedCompositeFieldContainer[DimensionLimits]
    frozen_camera_timeout: int
    maximum_jump: float
    maximum_message_bytes: int
    maximum_observation_age: int
    maximum_rotation_rate: float
    maximum_speed: float
    workspace_maximum: _containers.RepeatedScalarFieldContainer[float]
    workspace_minimum: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, workspace_minimum: _Optional[_Iterable[float]] = ..., workspace_maximum: _Optional[_Iterable[float]] = ..., maximum_speed: _Optional[float] = ..., maximum_rotation_rate: _Optional[float] = ..., maximum_jump: _Optional[float] = ..., maximum_observation_age: _Optional[int] = ..., frozen_camera_timeout: _Optional[int] = ..., maximum_message_bytes: _Optional[int] = ..., dimensions: _Optional[_Iterable[_Union[DimensionLimits, _Mapping]]] = ...) -> None: ...

class Observation(_message.Message):
    __slots__ = ["actions_consumed", "audio", "captured_at", "clock", "echo", "frames", "instruction", "prompt", "proprioception", "sent_at", "sequence", "skips_executed"]
    ACTIONS_CONSUMED_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    ECHO_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTION_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    PROPRIOCEPTION_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SKIPS_EXECUTED_FIELD_NUMBER: _ClassVar[int]
    actions_consumed: int
    audio: AudioClip
    captured_at: int
    clock: RobotClock
    echo: ClockEcho
    frames: _containers.RepeatedCompositeFieldContainer[CameraFrame]
    instruction: str
    prompt: _containers.RepeatedCompositeFieldContainer[PromptPart]
    proprioception: _containers.RepeatedScalarFieldContainer[float]
    sent_at: int
    sequence: int
    skips_executed: bool
    def __init__(self, sequence: _Optional[int] = ..., captured_at: _Optional[int] = ..., sent_at: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[CameraFrame, _Mapping]]] = ..., proprioception: _Optional[_Iterable[float]] = ..., instruction: _Optional[str] = ..., actions_consumed: _Optional[int] = ..., prompt: _Optional[_Iterable[_Union[PromptPart, _Mapping]]] = ..., clock: _Optional[_Union[RobotClock, str]] = ..., echo: _Optional[_Union[ClockEcho, _Mapping]] = ..., skips_executed: bool = ..., audio: _Optional[_Union[AudioClip, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ["remaining", "text", "token_limit", "tokens", "tokens_per_second"]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    TOKEN_LIMIT_FIELD_NUMBER: _ClassVar[int]
    remaining: int
    text: str
    token_limit: int
    tokens: int
    tokens_per_second: float
    def __init__(self, tokens: _Optional[int] = ..., token_limit: _Optional[int] = ..., tokens_per_second: _Optional[float] = ..., remaining: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class PromptPart(_message.Message):
    __slots__ = ["image", "text"]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    image: CameraFrame
    text: str
    def __init__(self, text: _Optional[str] = ..., image: _Optional[_Union[CameraFrame, _Mapping]] = ...) -> None: ...

class QuantitySpecification(_message.Message):
    __slots__ = ["maximum", "minimum", "name", "tolerance", "unit"]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    maximum: float
    minimum: float
    name: str
    tolerance: float
    unit: str
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[str] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ..., tolerance: _Optional[float] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Reply(_message.Message):
    __slots__ = ["acknowledgement", "action_chunk", "capabilities", "error", "generation", "progress", "protocol_version", "request_id", "sent_at", "session_id"]
    ACKNOWLEDGEMENT_FIELD_NUMBER: _ClassVar[int]
    ACTION_CHUNK_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    acknowledgement: Acknowledgement
    action_chunk: ActionChunk
    capabilities: Capabilities
    error: Error
    generation: Generation
    progress: Progress
    protocol_version: int
    request_id: int
    sent_at: int
    session_id: str
    def __init__(self, protocol_version: _Optional[int] = ..., request_id: _Optional[int] = ..., session_id: _Optional[str] = ..., sent_at: _Optional[int] = ..., capabilities: _Optional[_Union[Capabilities, _Mapping]] = ..., action_chunk: _Optional[_Union[ActionChunk, _Mapping]] = ..., acknowledgement: _Optional[_Union[Acknowledgement, _Mapping]] = ..., generation: _Optional[_Union[Generation, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ["cancel", "generate", "hello", "observation", "protocol_version", "release", "request_id", "reset", "resume", "session_id", "session_token", "stop"]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    GENERATE_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    cancel: Cancel
    generate: Generate
    hello: Hello
    observation: Observation
    protocol_version: int
    release: Release
    request_id: int
    reset: Reset
    resume: Resume
    session_id: str
    session_token: bytes
    stop: Stop
    def __init__(self, protocol_version: _Optional[int] = ..., request_id: _Optional[int] = ..., session_id: _Optional[str] = ..., session_token: _Optional[bytes] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., observation: _Optional[_Union[Observation, _Mapping]] = ..., reset: _Optional[_Union[Reset, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., generate: _Optional[_Union[Generate, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., release: _Optional[_Union[Release, _Mapping]] = ...) -> None: ...

class Reset(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Resume(_message.Message):
    __slots__ = ["unknown_sessions"]
    UNKNOWN_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    unknown_sessions: bool
    def __init__(self, unknown_sessions: bool = ...) -> None: ...

class StageTiming(_message.Message):
    __slots__ = ["duration", "stage"]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    duration: int
    stage: Stage
    def __init__(self, stage: _Optional[_Union[Stage, str]] = ..., duration: _Optional[int] = ...) -> None: ...

class Stop(_message.Message):
    __slots__ = ["reason"]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class ImageEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class AudioEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class RobotClock(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Modality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Stage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class LimitFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
