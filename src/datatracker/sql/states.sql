-- Which of the states $2 the documents $1 have.
SELECT k.document_id::int8 AS document, k.state_id::int8 AS state
  FROM {schema}.doc_document_states k
 WHERE k.document_id = ANY (ARRAY(SELECT unnest($1))) AND k.state_id = ANY ($2)
