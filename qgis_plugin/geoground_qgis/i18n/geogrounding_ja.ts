<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en" language="ja">
<context>
    <name>geogrounding</name>
    <message>
        <location filename="../options_page.py"/>
        <source> min</source>
        <translation> 分</translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>(none: by the words)</source>
        <translation>（なし: ことばで）</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>, about {time}</source>
        <translation>、約 {time}</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>, about {time} left</source>
        <translation>、残り約 {time}</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>, layer “{name}”</source>
        <translation>、レイヤ「{name}」</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>, {h} hidden</source>
        <translation>、非表示 {h}</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>1 chip</source>
        <translation>1 チップ</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>1 result</source>
        <translation>1 件の結果</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>1. geogrounding needs a Python environment of its own (Python 3.11 or later), outside QGIS; nothing is installed into QGIS. Set it up here:</source>
        <translation>1. geogrounding には QGIS の外に専用の Python 環境（Python 3.11 以降）が必要です。QGIS には何もインストールしません。ここで準備します:</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>2. After a terminal: choose its Python in the settings, and press Test there.</source>
        <translation>2. 端末で準備した場合: 設定でその Python を選び、「テスト」を押します。</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>3. Load an aerial or satellite image, type “tree” or “airplane”, and press Run.</source>
        <translation>3. 航空写真か衛星画像を読み込み、「tree」や「airplane」と入力して「実行」を押します。</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>; not meant: {n}</source>
        <translation>、対象外: {n}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>A model named “{name}” is there already; choose another name.</source>
        <translation>「{name}」というモデルは既にあります。別の名前にしてください。</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>A question may have at most {n} characters.</source>
        <translation>質問は {n} 文字までです。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not do this ({method}).</source>
        <translation>サーバーではこれを行えません ({method})。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server does not take files such as {name}.</source>
        <translation>サーバーは {name} のようなファイルを受け付けません。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>A server teaches one word at a time, and the field holds {n}.</source>
        <translation>サーバーが一度に学習できる語は 1 つですが、フィールドには {n} 個あります。</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>Accept results in the tab Review first, or select some and tick “Selected”: those are examples.</source>
        <translation>先に「確認」タブで結果を採用するか、いくつか選択して「選択分」にチェックしてください。それが例になります。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Accepted ones</source>
        <translation>採用したもの</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Add</source>
        <translation>追加</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add a new layer</source>
        <translation>新しいレイヤを追加</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Add to that layer</source>
        <translation>そのレイヤに追加</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Add to the map</source>
        <translation>地図に追加</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>All of the raster</source>
        <translation>ラスタ全体</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>All results</source>
        <translation>すべての結果</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>All results are hidden.</source>
        <translation>すべての結果が非表示です。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>An OpenAI-compatible server. Its key is read from the environment variable GEOGROUND_API_KEY.</source>
        <translation>OpenAI 互換サーバ。鍵は環境変数 GEOGROUND_API_KEY から読みます。</translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>An area or an example has no place in longitude and latitude.</source>
        <translation>領域または例を経度・緯度で表せません。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Area that was asked about</source>
        <translation>質問した範囲</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>As it is drawn on the map.</source>
        <translation>地図の表示どおり。</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Ask</source>
        <translation>質問</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Ask about more rasters in the same run</source>
        <translation>同じ実行で他のラスタにも質問する</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Ask the map</source>
        <translation>地図に質問</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Ask the map a question</source>
        <translation>地図に質問する</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Asking the server…</source>
        <translation>サーバーに問い合わせ中…</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Asks the same questions of many rasters. Each gets a GeoPackage in the output folder, in its own coordinate system; summary.csv lists raster, layer, status, number of results and message.

A raster that cannot be used does not stop the others.</source>
        <translation>多くのラスタに同じ質問をします。それぞれ出力フォルダに自分の座標系の GeoPackage ができます。summary.csv にはラスタ、レイヤ、状態、結果の数、メッセージが並びます。

使えないラスタがあっても他は続きます。</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>At most {n} questions fit one run.</source>
        <translation>1 回の実行で質問は {n} 件までです。</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>Bands {bands}</source>
        <translation>バンド {bands}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Build training set from layer</source>
        <translation>レイヤから学習データを作成</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>By reward: sharpens what the model finds already. By example: teaches what it does not find at all.</source>
        <translation>報酬による: 既に見つけられるものを鋭くします。例による: まったく見つけられないものを教えます。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>CSV (shapes as WKT)…</source>
        <translation>CSV（形状は WKT）…</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cancelled.</source>
        <translation>キャンセルしました。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Cancelled; {found} so far.</source>
        <translation>キャンセルしました。ここまで {found}。</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Cancelling…</source>
        <translation>キャンセル中…</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Change numbers and words of the plan before the run</source>
        <translation>実行前に計画の数値やことばを変更</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Check that searching by words is ready</source>
        <translation>ことばによる検索の準備を確認</translation>
    </message>
    <message>
        <location filename="../remote_places.py"/>
        <source>Check the coordinate system of its layer.</source>
        <translation>そのレイヤーの座標系を確認してください。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Choose a polygon layer for the area.</source>
        <translation>範囲にするポリゴンレイヤを選んでください。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Choose a polygon layer with examples.</source>
        <translation>例のあるポリゴンレイヤを選んでください。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Choose a raster layer.</source>
        <translation>ラスタレイヤを選んでください。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose another Python.</source>
        <translation>別の Python を選んでください。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Choose the folder of its checkout, or a folder with its wheel.</source>
        <translation>ソースのフォルダか、wheel のあるフォルダを選んでください。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Choose the raster that the examples were drawn on.</source>
        <translation>例を描いたラスタを選んでください。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Click a result on the map to review it</source>
        <translation>地図上の結果をクリックして確認</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Colours</source>
        <translation>色</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Continue: {run}</source>
        <translation>続行: {run}</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copied. It names versions, settings and the last messages of the engine.</source>
        <translation>コピーしました。バージョン、設定、エンジンの最後のメッセージが含まれます。</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Copy commands</source>
        <translation>コマンドをコピー</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Copy diagnostics</source>
        <translation>診断情報をコピー</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Corners</source>
        <translation>頂点</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Correct</source>
        <translation>修正</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Counting chips…</source>
        <translation>チップを数えています…</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Enter</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Cuts a training set from the layer and fine-tunes a model on it. The folder of the result is the name of the new model: give it as “Model” to “Find objects by words”. In the folder of trained models (Settings ▸ Options ▸ geogrounding) it is also listed in the panel.</source>
        <translation>レイヤから学習データを切り出し、モデルを追加学習します。結果のフォルダが新しいモデルの名前です。「ことばで物を見つける」の「モデル」に指定してください。学習済みモデルのフォルダ（設定 ▸ オプション ▸ geogrounding）にあればパネルにも並びます。</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Cuts the raster into the chips that a model sees and writes the polygons of a layer as their labels: images and train.jsonl in the form of Geo-R1, for “geoground train” on this or another machine.

“Label” names all polygons at once; “or by field” takes the name of each from an attribute.</source>
        <translation>ラスタをモデルが見るチップに切り、レイヤのポリゴンをそのラベルとして書きます: Geo-R1 形式の画像と train.jsonl。この機械でも他の機械でも「geoground train」で使えます。

「ラベル」は全ポリゴンに同じ名前を付け、「または属性から」は各名前を属性から取ります。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Cutting the training set…</source>
        <translation>学習データを切り出しています…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Defaults of a question</source>
        <translation>質問の既定値</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Delete</source>
        <translation>削除</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete the model “{name}”? This cannot be undone.</source>
        <translation>モデル「{name}」を削除しますか? 元に戻せません。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Delete the selected results</source>
        <translation>選択した結果を削除</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Delete…</source>
        <translation>削除…</translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>Demo: forest</source>
        <translation>デモ: 森林</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Device</source>
        <translation>デバイス</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Draw</source>
        <translation>描画</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw a line through results</source>
        <translation>結果を横切る線を引く</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a polygon on the map; a click with the right button ends it</source>
        <translation>地図に多角形を描く。右クリックで終了</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle on the map</source>
        <translation>地図に長方形を描く</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Draw a rectangle or a polygon on the map first.</source>
        <translation>先に地図に長方形か多角形を描いてください。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw about ten examples of one kind of thing in a polygon layer, or accept results in the tab Review, and train. The new model is then listed under Model in the tab Ask.</source>
        <translation>1 種類の物の例を 10 個ほどポリゴンレイヤに描くか、「確認」タブで結果を採用して、学習させます。新しいモデルは「質問」タブの「モデル」に並びます。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Draw examples…</source>
        <translation>例を描く…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Draw one that was missed; it counts as accepted</source>
        <translation>見落としを描く。採用として数えます</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Drawn</source>
        <translation>描いた範囲</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Earlier</source>
        <translation>以前のもの</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Edit…</source>
        <translation>編集…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Empty it</source>
        <translation>空にする</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Engine</source>
        <translation>エンジン</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Engine: {path}</source>
        <translation>エンジン: {path}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Examples</source>
        <translation>例</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples of what is not meant</source>
        <translation>求めないものの例</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Examples: find what looks like them</source>
        <translation>例: 似たものを見つける</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export</source>
        <translation>エクスポート</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Export anyway</source>
        <translation>それでもエクスポート</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Exported rasters</source>
        <translation>エクスポートしたラスタ</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Exporting the raster…</source>
        <translation>ラスタをエクスポートしています…</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Exporting the raster… %p%</source>
        <translation>ラスタをエクスポートしています… %p%</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Export…</source>
        <translation>エクスポート…</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Extent</source>
        <translation>範囲</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Find</source>
        <translation>検索</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Find all like this</source>
        <translation>似たものをすべて見つける</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Find objects by words</source>
        <translation>ことばで物を見つける</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Find objects by words (batch)</source>
        <translation>ことばで物を見つける（一括）</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Finds what each line of “What to look for” describes in the raster, as polygons with label, score and the reasoning of the model, in the coordinate system of the raster.

Rasters that are no plain file (WMS, XYZ tiles, virtual rasters) are first exported for the extent. “The one object described” keeps the best answer to each question.</source>
        <translation>「探すもの」の各行が述べるものをラスタから見つけ、ラベル、スコア、モデルの説明付きのポリゴンとして、ラスタの座標系で返します。

通常のファイルでないラスタ（WMS、XYZ タイル、仮想ラスタ）は先に範囲をエクスポートします。「述べた 1 つの物」は各質問の最良の答えを残します。</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Fine-tune from layer</source>
        <translation>レイヤから追加学習</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Folder</source>
        <translation>フォルダ</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Folders</source>
        <translation>フォルダ</translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>For results that were asked for as outlines</source>
        <translation>輪郭として求めた結果のみ</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Forget them</source>
        <translation>忘れる</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Found</source>
        <translation>見つかったもの</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Found. Press Test.</source>
        <translation>見つかりました。「テスト」を押してください。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>From 1:1500</source>
        <translation>1:1500 から</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>Give the new model a short name of letters, digits, “-” and “_”.</source>
        <translation>新しいモデルに、文字、数字、「-」「_」の短い名前を付けてください。</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Go on</source>
        <translation>続ける</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Ground resolution</source>
        <translation>地上解像度</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Ground resolution in metres (empty: what suits the model)</source>
        <translation>地上解像度、メートル（空: モデルに合う値）</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Ground size of a pixel that the model sees; automatic: what suits the model</source>
        <translation>モデルが見る画素の地上の大きさ。自動: モデルに合う値</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Help</source>
        <translation>ヘルプ</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Hide below</source>
        <translation>これ未満を隠す</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>History</source>
        <translation>履歴</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>How the questions are understood</source>
        <translation>質問の理解のされ方</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>I drew every one in this area</source>
        <translation>この範囲のものは全部描いた</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Inside the polygons of a layer</source>
        <translation>レイヤのポリゴンの内側</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>It needs an engine on this computer: see the settings.</source>
        <translation>このコンピューター上のエンジンが必要です。設定を参照してください。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Keep results in a GeoPackage</source>
        <translation>結果を GeoPackage に保存</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>Key {key}, while this tab is open</source>
        <translation>このタブが開いている間はキー {key}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Label</source>
        <translation>ラベル</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Layer</source>
        <translation>レイヤ</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Layers</source>
        <translation>レイヤ</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Layers that the questions speak of by their names</source>
        <translation>質問が名前で触れるレイヤ</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Length</source>
        <translation>長さ</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Load a demo raster</source>
        <translation>デモラスタを読み込む</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Loading the model…</source>
        <translation>モデルを読み込んでいます…</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Loss</source>
        <translation>損失</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Lowest score</source>
        <translation>最低スコア</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Lowest score (empty: what suits the model)</source>
        <translation>最低スコア（空: モデルに合う値）</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Make the selected results one, with the attributes of the surest</source>
        <translation>選択した結果を 1 つにし、最も確かなものの属性を残す</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Makes a Python environment in {path} and installs geogrounding there. Nothing is installed into QGIS. It needs about 2 GB of disk space; an interrupted set-up goes on where it stopped.</source>
        <translation>{path} に Python 環境を作り、geogrounding をそこにインストールします。QGIS には何もインストールしません。約 2 GB の空きが必要です。中断した準備は止まったところから続きます。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Makes a layer for examples of this raster, and starts to draw in it</source>
        <translation>このラスタの例のレイヤを作り、描き始めます</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>Making an environment…</source>
        <translation>環境を作っています…</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Merge</source>
        <translation>結合</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Method</source>
        <translation>方法</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Model server</source>
        <translation>モデルサーバ</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Model to start from</source>
        <translation>元にするモデル</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Move, add and delete corners</source>
        <translation>頂点の移動、追加、削除</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Name of the new model</source>
        <translation>新しいモデルの名前</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Neither accepted nor rejected</source>
        <translation>採用でも却下でもない</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>New model</source>
        <translation>新しいモデル</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Next ▶</source>
        <translation>次へ ▶</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>No engine is set up: Settings ▸ Options ▸ geogrounding, or the variable GEOGROUND_ENGINE.</source>
        <translation>エンジンが設定されていません: 設定 ▸ オプション ▸ geogrounding、または変数 GEOGROUND_ENGINE。</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No engine yet.</source>
        <translation>エンジンはまだありません。</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>No geoground is on the search path. Open the settings and choose its Python.</source>
        <translation>geoground が検索パスにありません。設定を開いてその Python を選んでください。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>No result is accepted yet.</source>
        <translation>採用した結果がまだありません。</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Not a plain file: {c} × {r} pixels are first exported (up to {mb} MB).</source>
        <translation>通常のファイルではありません: 先に {c} × {r} 画素をエクスポートします（最大 {mb} MB）。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>Not enough free disk space for the export in {folder}.</source>
        <translation>{folder} にエクスポート用の空き容量が足りません。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Not saved: {why}</source>
        <translation>保存できません: {why}</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing for: {questions}.</source>
        <translation>見つからなかった質問: {questions}。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>Nothing was found. Try another word, a lower score or another ground resolution.</source>
        <translation>何も見つかりません。別のことば、低いスコア、別の地上解像度を試してください。</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Number of results</source>
        <translation>結果の数</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Number of samples</source>
        <translation>標本の数</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>On Debian and Ubuntu: sudo apt install python3-venv. Else install Python from python.org.</source>
        <translation>Debian と Ubuntu: sudo apt install python3-venv。それ以外は python.org から Python をインストールしてください。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Only inside the selected polygons</source>
        <translation>選択したポリゴンの内側のみ</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Only inside these polygons</source>
        <translation>これらのポリゴンの内側のみ</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Open results that were kept before</source>
        <translation>以前保存した結果を開く</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Open settings…</source>
        <translation>設定を開く…</translation>
    </message>
    <message>
        <location filename="../ask_options.py"/>
        <source>Options</source>
        <translation>オプション</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Order</source>
        <translation>順序</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Other layers of the file stay as they are.</source>
        <translation>ファイルの他のレイヤはそのまま残ります。</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Outlines can be simplified in the tab Review, without asking again</source>
        <translation>輪郭は「確認」タブで、質問し直さずに単純化できます</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Output folder</source>
        <translation>出力フォルダ</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Package index</source>
        <translation>パッケージ索引</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Part</source>
        <translation>部分</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Pick</source>
        <translation>選ぶ</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Polygons</source>
        <translation>ポリゴン</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Python 3.11 or later</source>
        <translation>Python 3.11 以降</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Python or geoground</source>
        <translation>Python または geoground</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Questions asked before</source>
        <translation>以前の質問</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>Raster</source>
        <translation>ラスタ</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters</source>
        <translation>ラスタ</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server</source>
        <translation>サーバー上のラスター</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>Rasters on the server…</source>
        <translation>サーバー上のラスター…</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Rasters that failed</source>
        <translation>失敗したラスタ</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Ready</source>
        <translation>準備完了</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>Ready. The model is in the list of the tab Ask, and chosen.</source>
        <translation>完了。モデルは「質問」タブの一覧にあり、選択されています。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reasoning: select a result on the map, or press Next.</source>
        <translation>説明: 地図で結果を選択するか、「次へ」を押してください。</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Remove</source>
        <translation>取り除く</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Removed.</source>
        <translation>取り除きました。</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename</source>
        <translation>名前の変更</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Rename…</source>
        <translation>名前の変更…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Reopen</source>
        <translation>未確認に戻す</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Replace that layer</source>
        <translation>そのレイヤを置き換える</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Results</source>
        <translation>結果</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Results that score lower are hidden, not deleted</source>
        <translation>スコアの低い結果は隠すだけで、削除しません</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>Results that score lower are left out; automatic: what suits the model</source>
        <translation>スコアの低い結果は省きます。自動: モデルに合う値</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Review</source>
        <translation>確認</translation>
    </message>
    <message>
        <location filename="../verdicts.py"/>
        <source>Review of {n} results</source>
        <translation>{n} 件の結果の確認</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Reward</source>
        <translation>報酬</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Run</source>
        <translation>実行</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Run sends the raster to the server first ({mb} MB).</source>
        <translation>実行すると、まずラスターがサーバーに送られます ({mb} MB)。</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>Runs that ended early</source>
        <translation>途中で終わった実行</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save as</source>
        <translation>名前を付けて保存</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Save edits</source>
        <translation>編集を保存</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Save results</source>
        <translation>結果を保存</translation>
    </message>
    <message>
        <location filename="../shaping.py"/>
        <source>Save the edits first: shapes that are being edited are not drawn again.</source>
        <translation>先に編集を保存してください: 編集中の形状は描き直しません。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Save the layer as a GeoTIFF (Export ▸ Save As), and ask about that one.</source>
        <translation>レイヤーを GeoTIFF として保存し (エクスポート ▸ 名前を付けて保存)、それについて質問してください。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>Saved: {path}</source>
        <translation>保存しました: {path}</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>Saving results</source>
        <translation>結果を保存しています</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Say what the examples are, such as: greenhouse</source>
        <translation>例が何かを書いてください。例: greenhouse</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Scores on the map</source>
        <translation>地図にスコア</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Search</source>
        <translation>検索</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Search for it</source>
        <translation>検索する</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Searching…</source>
        <translation>検索中…</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Seed</source>
        <translation>乱数の種</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Select polygons of “{name}” first.</source>
        <translation>先に「{name}」のポリゴンを選択してください。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select results to delete.</source>
        <translation>削除する結果を選択してください。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>Select the examples of one word, and enter it.</source>
        <translation>1 つの語の例を選択し、その語を入力してください。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>Select two or more results to merge.</source>
        <translation>結合する結果を 2 つ以上選択してください。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Selected</source>
        <translation>選択分</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Sending the raster to the server… %p%</source>
        <translation>ラスターをサーバーに送信中… %p%</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Set up</source>
        <translation>準備</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Set up the engine…</source>
        <translation>エンジンを準備…</translation>
    </message>
    <message>
        <location filename="../dock.py"/>
        <source>Settings of geogrounding</source>
        <translation>geogrounding の設定</translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Settings…</source>
        <translation>設定…</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Shapefile (texts are cut at 254 characters)…</source>
        <translation>Shapefile（文字列は 254 文字で切れます）…</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Share of images without a target</source>
        <translation>対象のない画像の割合</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Show</source>
        <translation>表示</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Simplify</source>
        <translation>単純化</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Simplify outlines, metres (empty: what suits the pixels)</source>
        <translation>輪郭の単純化、メートル（空: 画素に合う値）</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Size</source>
        <translation>大きさ</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Split</source>
        <translation>分割</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>Starting…</source>
        <translation>開始しています…</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>Starts the engine of the settings and reports its version, device and models, or what is missing. READY and TEXT can be used in a model before other algorithms of this group.</source>
        <translation>設定のエンジンを起動し、バージョン、デバイス、モデル、または足りないものを報告します。READY と TEXT はモデルの中でこのグループの他のアルゴリズムの前に使えます。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Step {step} of {steps}</source>
        <translation>ステップ {step} / {steps}</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>Steps</source>
        <translation>ステップ数</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Stop when idle for</source>
        <translation>使わないとき停止するまで</translation>
    </message>
    <message>
        <location filename="../algorithms/batch.py"/>
        <source>Table</source>
        <translation>表</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Take the last verdict back, and go back to its result (key U)</source>
        <translation>最後の判定を取り消し、その結果に戻る（キー U）</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Teach</source>
        <translation>教える</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test</source>
        <translation>テスト</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Test checks version, device, models and coordinate systems.</source>
        <translation>テストはバージョン、デバイス、モデル、座標系を調べます。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Testing: the first start takes a few seconds…</source>
        <translation>テスト中: 最初の起動には数秒かかります…</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The Python that geogrounding is installed in</source>
        <translation>geogrounding をインストールした Python</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>The area lies beside every raster that is chosen.</source>
        <translation>範囲が、選んだどのラスタからも外れています。</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The checkout of geogrounding, or a folder with its wheel</source>
        <translation>geogrounding のソースか、wheel のあるフォルダ</translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>The curve appears while training runs.</source>
        <translation>学習中に曲線が現れます。</translation>
    </message>
    <message>
        <location filename="../demo.py"/>
        <source>The demo raster is not part of this installation.</source>
        <translation>デモラスタはこのインストールに含まれていません。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine does not work.</source>
        <translation>エンジンが動きません。</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>The engine is set up.</source>
        <translation>エンジンの準備ができました。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The engine works.</source>
        <translation>エンジンは動いています。</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The examples could not be written: {why}</source>
        <translation>例を書けません: {why}</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>The examples have no valid coordinate system. Set it in Layer Properties.</source>
        <translation>例に有効な座標系がありません。レイヤプロパティで設定してください。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The extent cannot be expressed in the coordinate system of the layer.</source>
        <translation>範囲をレイヤの座標系で表せません。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The extent lies beside the layer “{name}”.</source>
        <translation>範囲がレイヤ「{name}」の外にあります。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>The job was cancelled on the server.</source>
        <translation>ジョブはサーバー側でキャンセルされました。</translation>
    </message>
    <message>
        <location filename="../examples.py"/>
        <source>The layer holds no geometry that can be used.</source>
        <translation>レイヤに使える形状がありません。</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>The layer is being saved; try again in a moment.</source>
        <translation>レイヤを保存中です。少し後で試してください。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>The layer of the results was removed while the run went on.</source>
        <translation>実行中に結果のレイヤが取り除かれました。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The layer on the map is still a temporary one.</source>
        <translation>地図のレイヤはまだ一時レイヤです。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>The layer “{name}” cannot be changed.</source>
        <translation>レイヤ「{name}」は変更できません。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” cannot be exported.</source>
        <translation>レイヤ「{name}」はエクスポートできません。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The layer “{name}” could not be exported ({reason}).</source>
        <translation>レイヤ「{name}」をエクスポートできませんでした（{reason}）。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.</source>
        <translation>レイヤ「{name}」に有効な座標系がありません。レイヤプロパティ ▸ ソース で設定してください。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>The layer “{name}” holds no polygon.</source>
        <translation>レイヤ「{name}」にポリゴンがありません。</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of this project lives there. Choose another name.</source>
        <translation>このプロジェクトのレイヤ「{name}」がそこにあります。別の名前にしてください。</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>The layer “{name}” of {file} has not the attributes of results, so nothing can be added to it.</source>
        <translation>{file} のレイヤ「{name}」には結果の属性がないので、追加できません。</translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>The manual is docs/qgis.md of geogrounding.</source>
        <translation>手引きは geogrounding の docs/qgis.md です。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>The map server of “{name}” sent nothing for this area. Check that the map shows it.</source>
        <translation>「{name}」の地図サーバーはこの範囲について何も送りませんでした。地図に表示されるか確認してください。</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>The model is trained: {name}</source>
        <translation>モデルを学習しました: {name}</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>The model stays loaded between questions; after so long without one, memory is freed</source>
        <translation>モデルは質問の間も読み込まれたままです。これだけ質問がないとメモリを解放します</translation>
    </message>
    <message>
        <location filename="../engine_link.py"/>
        <source>The plugin is being unloaded.</source>
        <translation>プラグインを終了しています。</translation>
    </message>
    <message>
        <location filename="../server_layers.py"/>
        <source>The raster of the server cannot be shown.</source>
        <translation>サーバーのラスターを表示できません。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>The results are temporary: nothing can be written to {folder} ({why}). Save them under another name, and choose another folder in the settings.</source>
        <translation>結果は一時的なものです。{folder} に書き込めません（{why}）。別の名前で保存し、設定で別のフォルダーを選んでください。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>The selected results, or else the accepted ones, become examples; rejected ones are not meant</source>
        <translation>選択した結果、なければ採用した結果が例になります。却下したものは求めません</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>The server has no raster.</source>
        <translation>サーバーにラスターがありません。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Then go to the next open one</source>
        <translation>次の未確認のものへ進む</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>There is no geogrounding in {path}.</source>
        <translation>{path} に geogrounding がありません。</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>There is no layer “{name}” in {file}.</source>
        <translation>{file} にレイヤ「{name}」がありません。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were drawn by another server.</source>
        <translation>これらの輪郭は別のサーバーが描いたものです。</translation>
    </message>
    <message>
        <location filename="../remote_engine.py"/>
        <source>These outlines were not drawn by the server.</source>
        <translation>これらの輪郭はサーバーが描いたものではありません。</translation>
    </message>
    <message>
        <location filename="../correcting.py"/>
        <source>These results do not touch, so that they cannot become one polygon.</source>
        <translation>これらの結果は接していないので、1 つのポリゴンにできません。</translation>
    </message>
    <message>
        <location filename="../background.py"/>
        <source>This is a defect of the plugin; please report it.</source>
        <translation>プラグインの不具合です。報告してください。</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Ticked: what is not drawn there is something else. Else: what looks like them may be one of them.</source>
        <translation>チェックあり: 描かれていないものは別の物です。なし: 似たものは仲間かもしれません。</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>Token of the server</source>
        <translation>サーバーのトークン</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>Train</source>
        <translation>学習</translation>
    </message>
    <message>
        <location filename="../models_menu.py"/>
        <source>Trained models</source>
        <translation>学習済みモデル</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>Training set</source>
        <translation>学習データ</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>Type what to look for, such as: airplane</source>
        <translation>探すものを入力してください。例: airplane</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Until then Ctrl+Z takes corrections back</source>
        <translation>それまでは Ctrl+Z で修正を取り消せます</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>Value</source>
        <translation>値</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>View</source>
        <translation>ビュー</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>Waiting; jobs before this one: {n}</source>
        <translation>待機中。先行するジョブ: {n}</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Welcome: three steps to the first question</source>
        <translation>ようこそ: 最初の質問まで 3 段階</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>What is not hidden</source>
        <translation>隠れていないもの</translation>
    </message>
    <message>
        <location filename="../like_choice.py"/>
        <source>What looks like these examples is found, and the question is only its name. Of results the accepted ones are examples, and the rejected ones are not meant.</source>
        <translation>これらの例に似たものを見つけます。質問はその名前にすぎません。結果のレイヤでは、採用したものが例で、却下したものは求めません。</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>What the map shows when you press Run; it is then kept as a drawn rectangle</source>
        <translation>「実行」を押したときの地図の範囲。その後は描いた長方形として残ります</translation>
    </message>
    <message>
        <location filename="../algorithms/ready.py"/>
        <source>What there is, or what is missing</source>
        <translation>あるもの、または足りないもの</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>What to look for</source>
        <translation>探すもの</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>What to look for (one question a line)</source>
        <translation>探すもの（1 行に 1 質問）</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>What “geoground serve” prints, or GEOGROUND_TOKEN of the server</source>
        <translation>「geoground serve」が表示するもの、またはサーバーの GEOGROUND_TOKEN</translation>
    </message>
    <message>
        <location filename="../area_choice.py"/>
        <source>Where</source>
        <translation>場所</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>Without a network: only wheels of this folder</source>
        <translation>ネットワークなし: このフォルダの wheel のみ</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>Your team has a server? Skip step 1, and paste its link in the settings.</source>
        <translation>チームにサーバーがある場合は、手順 1 を飛ばし、設定にそのリンクを貼り付けてください。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>Zoom</source>
        <translation>ズーム</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>a first look</source>
        <translation>ひとまず</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>a path, or the address of a server: http://host:8000</source>
        <translation>パス、またはサーバーのアドレス: http://host:8000</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>accepted</source>
        <translation>採用</translation>
    </message>
    <message>
        <location filename="../ask_form.py"/>
        <source>airplane
the largest storage tank
(one question a line)</source>
        <translation>airplane
the largest storage tank
（1 行に 1 質問）</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>any</source>
        <translation>すべて</translation>
    </message>
    <message>
        <location filename="../setup_dialog.py"/>
        <source>as pip is configured</source>
        <translation>pip の設定どおり</translation>
    </message>
    <message>
        <location filename="../forms.py"/>
        <source>automatic</source>
        <translation>自動</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>beside the project</source>
        <translation>プロジェクトの隣</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>boxes</source>
        <translation>長方形</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>built-in</source>
        <translation>内蔵</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>builtin, the folder of a model, or with a server the name it gives the model</source>
        <translation>builtin、モデルのフォルダ、またはサーバではサーバでのモデル名</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by example (SFT)</source>
        <translation>例による（SFT）</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>by reward (GRPO)</source>
        <translation>報酬による（GRPO）</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by score</source>
        <translation>スコアで</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>by verdict</source>
        <translation>判定で</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>cancelled</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>coordinate systems are found: {id} {name}</source>
        <translation>座標系が見つかります: {id} {name}</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>detect,object,find,search,ground,expression,AI,deep learning,segment,count,vision</source>
        <translation>検出,物体,見つける,検索,特定,表現,人工知能,深層学習,領域分割,数える,画像</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>device: {device} ({name})</source>
        <translation>デバイス: {device}（{name}）</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>error {n}</source>
        <translation>エラー {n}</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>everything that fits</source>
        <translation>当てはまるものすべて</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: 1 question</source>
        <translation>geogrounding: 質問 1 件</translation>
    </message>
    <message>
        <location filename="../manual.py"/>
        <source>geogrounding: help</source>
        <translation>geogrounding: ヘルプ</translation>
    </message>
    <message>
        <location filename="../train_controller.py"/>
        <source>geogrounding: training</source>
        <translation>geogrounding: 学習</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>geogrounding: {n} questions</source>
        <translation>geogrounding: 質問 {n} 件</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>greenhouse</source>
        <translation>greenhouse</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>least sure first</source>
        <translation>不確かな順</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>missing</source>
        <translation>ありません</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>models: </source>
        <translation>モデル: </translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>my-greenhouses</source>
        <translation>私の温室</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>no label</source>
        <translation>ラベルなし</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>no other raster</source>
        <translation>他のラスタなし</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>none</source>
        <translation>なし</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>none yet</source>
        <translation>まだなし</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>not started</source>
        <translation>起動していません</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>or by field</source>
        <translation>または属性から</translation>
    </message>
    <message>
        <location filename="../welcome.py"/>
        <source>or in a terminal (without a network: see the manual, ? below):</source>
        <translation>または端末で（ネットワークなし: 下の ? の手引きを参照）:</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines</source>
        <translation>輪郭</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>outlines with right angles</source>
        <translation>直角の輪郭</translation>
    </message>
    <message>
        <location filename="../diagnostics.py"/>
        <source>packages: </source>
        <translation>パッケージ: </translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>part of the name</source>
        <translation>名前の一部</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>rejected</source>
        <translation>却下</translation>
    </message>
    <message>
        <location filename="../facts.py"/>
        <source>score {s}</source>
        <translation>スコア {s}</translation>
    </message>
    <message>
        <location filename="../algorithms/fine_tune.py"/>
        <source>step {n}: {metrics}</source>
        <translation>ステップ {n}: {metrics}</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>surest first</source>
        <translation>確かな順</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>the model of the server</source>
        <translation>サーバのモデル</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>the one object described</source>
        <translation>述べた 1 つの物</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>thorough</source>
        <translation>徹底的</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>train.jsonl</source>
        <translation>train.jsonl</translation>
    </message>
    <message>
        <location filename="../choices.py"/>
        <source>turned boxes</source>
        <translation>回転した長方形</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>unknown error</source>
        <translation>不明なエラー</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>usual</source>
        <translation>通常</translation>
    </message>
    <message>
        <location filename="../appearance.py"/>
        <source>values {limits}</source>
        <translation>値 {limits}</translation>
    </message>
    <message>
        <location filename="../algorithms/base.py"/>
        <source>{c} × {r} pixels are exported first; that may take long.</source>
        <translation>先に {c} × {r} 画素をエクスポートします。時間がかかるかもしれません。</translation>
    </message>
    <message>
        <location filename="../rasters.py"/>
        <source>{c} × {r} pixels would have to be exported. Choose a smaller extent or a coarser resolution.</source>
        <translation>{c} × {r} 画素をエクスポートする必要があります。範囲を狭めるか、解像度を粗くしてください。</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{done} of {total} chips, {found} found before merging</source>
        <translation>{total} チップ中 {done}、結合前に {found} 件</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{file} could not be written.</source>
        <translation>{file} に書けません。</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{file} exists and is no GeoPackage ({why}). Choose another name.</source>
        <translation>{file} は既にあり、GeoPackage ではありません（{why}）。別の名前にしてください。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}.</source>
        <translation>{found}。</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{found}; {n} of {all} chips could not be answered, see the log.</source>
        <translation>{found}。{all} チップ中 {n} は答えられませんでした。ログを見てください。</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{h} h {m} min</source>
        <translation>{h} 時間 {m} 分</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{label} ({n} steps)</source>
        <translation>{label}（{n} ステップ）</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{layer} (unfinished)</source>
        <translation>{layer}（未完了）</translation>
    </message>
    <message>
        <location filename="../options_page.py"/>
        <source>{mb} MB are free again.</source>
        <translation>{mb} MB 空きました。</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{m} min {s} s</source>
        <translation>{m} 分 {s} 秒</translation>
    </message>
    <message>
        <location filename="../loss_plot.py"/>
        <source>{name}: {value} at step {step}</source>
        <translation>{name}: ステップ {step} で {value}</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} chips</source>
        <translation>{n} チップ</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} examples</source>
        <translation>例 {n} 件</translation>
    </message>
    <message>
        <location filename="../teach_panel.py"/>
        <source>{n} examples are too few; draw at least {least}, better {good}.</source>
        <translation>{n} 例では少なすぎます。少なくとも {least}、できれば {good} 描いてください。</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} of {all} chips could not be answered:</source>
        <translation>{all} チップ中 {n} は答えられませんでした:</translation>
    </message>
    <message>
        <location filename="../saving.py"/>
        <source>{n} of {all} rows are in the file.</source>
        <translation>ファイルには {all} 行中 {n} 行あります。</translation>
    </message>
    <message>
        <location filename="../server_menu.py"/>
        <source>{n} rasters</source>
        <translation>ラスター {n} 件</translation>
    </message>
    <message>
        <location filename="../ask_panel.py"/>
        <source>{n} rasters: {text}</source>
        <translation>{n} ラスタ: {text}</translation>
    </message>
    <message>
        <location filename="../algorithms/ground.py"/>
        <source>{n} results</source>
        <translation>{n} 件の結果</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{n} results had no usable polygon and were left out.</source>
        <translation>{n} 件の結果は使えるポリゴンがなく、省きました。</translation>
    </message>
    <message>
        <location filename="../messages.py"/>
        <source>{n} s</source>
        <translation>{n} 秒</translation>
    </message>
    <message>
        <location filename="../algorithms/training_set.py"/>
        <source>{n} samples in {path}</source>
        <translation>{path} に {n} 標本</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{n} verdicts written…</source>
        <translation>{n} 件の判定を書きました…</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be deleted: {why}</source>
        <translation>{path} を削除できません: {why}</translation>
    </message>
    <message>
        <location filename="../model_store.py"/>
        <source>{path} cannot be renamed: {why}</source>
        <translation>{path} の名前を変更できません: {why}</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} cannot make environments.</source>
        <translation>{path} は環境を作れません。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is there, and is not from here.</source>
        <translation>{path} は既にあり、ここで作ったものではありません。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{path} is too old: Python 3.11 or later is needed.</source>
        <translation>{path} は古すぎます: Python 3.11 以降が必要です。</translation>
    </message>
    <message>
        <location filename="../own_engine.py"/>
        <source>{program} failed.</source>
        <translation>{program} が失敗しました。</translation>
    </message>
    <message>
        <location filename="../review_panel.py"/>
        <source>{results}: {a} accepted, {r} rejected, {o} open</source>
        <translation>{results}: 採用 {a}、却下 {r}、未確認 {o}</translation>
    </message>
    <message>
        <location filename="../outcome.py"/>
        <source>{share} % of the area came empty from the map server.</source>
        <translation>範囲の {share} % は地図サーバーから空のまま届きました。</translation>
    </message>
    <message>
        <location filename="../ask_controller.py"/>
        <source>{text} Tick “{box}”, or choose a smaller extent.</source>
        <translation>{text} 「{box}」にチェックするか、範囲を狭めてください。</translation>
    </message>
    <message>
        <location filename="../save_controller.py"/>
        <source>“{file}” has a layer of this name already.</source>
        <translation>「{file}」には同名のレイヤが既にあります。</translation>
    </message>
    <message>
        <location filename="../plan_dialog.py"/>
        <source>“{text}” does not fit here.</source>
        <translation>「{text}」はここに合いません。</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>◀ Previous</source>
        <translation>◀ 前へ</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✔ Accept</source>
        <translation>✔ 採用</translation>
    </message>
    <message>
        <location filename="../review_form.py"/>
        <source>✘ Reject</source>
        <translation>✘ 却下</translation>
    </message>
</context>
</TS>
