select
    engagementId as engagement_id,
    title,
    body,
    `status` as status,
    disposition,
    durationMilliseconds as duration_ms,
    toNumber as to_number,
    fromNumber as from_number,
    recordingUrl as recording_url,
    externalId as external_id,
    externalAccountId as external_account_id,
    calleeObjectId as callee_object_id,
    calleeObjectType as callee_object_type,
    `source` as call_source,
    extra
from {{ source('hubspot', 'engagement_calls') }}
