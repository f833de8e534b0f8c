# How Node itself was configured: of no concern to Node-API.
{
  'target_defaults': {},
  'variables': {}
}
