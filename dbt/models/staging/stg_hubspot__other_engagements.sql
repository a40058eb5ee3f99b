select
    engagementId as engagement_id,
    `type` as engagement_type,
    metadata
from {{ source('hubspot', 'engagement_other') }}
